import fc from "fast-check";
import { expect, test } from "vitest";
import { ClassicWire } from "../../../../../src/primary/uplink/wire/classic.js";
import type { Outgoing } from "../../../../../src/primary/uplink/wire/message.js";
import { NO_GAP } from "../../../../../src/primary/uplink/wire/sequence.js";
import { ShardedWire } from "../../../../../src/primary/uplink/wire/sharded.js";
import type { Packed } from "../../../../../src/protocol/packed.js";
import { pack } from "../../../../../src/worker/packer.js";
import { unpack } from "../../../../../src/worker/unpacker.js";

const text = fc.oneof(fc.string({ unit: "grapheme", maxLength: 300 }), fc.string({ unit: "binary", maxLength: 20 }));
const room = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true }).map((number) => number + 0),
  fc.constantFrom(true as never, false as never, null as never),
);
const rooms = fc.array(room, { maxLength: 20 });
const namespace = fc.oneof(
  fc.constant("/"),
  fc.string({ unit: "grapheme", maxLength: 20 }).map((name) => `/${name}`),
);
const value = fc.jsonValue().map((one) => JSON.parse(JSON.stringify(one)));
const args = fc.array(value, { minLength: 1, maxLength: 4 });
const requestId = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 64 });
const optional = fc.option(fc.boolean(), { nil: undefined });
const secret = fc.option(fc.string({ minLength: 1 }), { nil: undefined });

const flags = fc.record({ volatile: optional, compress: optional }).map(defined);
const host = fc.record({
  timeoutMs: fc.nat(),
  answered: fc.nat(4096),
  lost: fc.nat(4096),
  last: fc.boolean(),
  payloads: fc.array(
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 5 },
  ),
});
const command = fc.oneof(
  fc.record({ name: fc.constantFrom("join" as const, "leave" as const), rooms }),
  fc.record({ name: fc.constant("disconnect" as const), close: fc.boolean() }),
);

const formats = [
  ["classic", ClassicWire],
  ["sharded", ShardedWire],
] as const;

test.each(formats)("what is written in the %s format is read as it was", (_, WireOf) => {
  const content = fc.record({
    namespace,
    rooms,
    except: rooms,
    flags,
    host,
    command,
    args,
    requestId,
    secret,
    values: fc.array(fc.array(value), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(content, ({ namespace, rooms, except, flags, host, command, args, requestId, secret, values }) => {
      const create = (uid: string) => new WireOf({ prefix: "a prefix", uid, ...(secret !== undefined && { secret }) });
      const [from, to] = [create("from"), create("to")];
      const pass = (message: Outgoing) => {
        const { channel, bytes } = from.write(message);
        return to.read(Buffer.from(channel).toString(), bytes) as object as Record<string, unknown>;
      };
      const read = { namespace, uid: "from", host: { uid: "from", gap: NO_GAP, ...host } };
      const address = { namespace, rooms, except };
      const packed = pack(args);

      const broadcast = pass({ kind: "broadcast", namespace, address, flags, args: packed, host });
      expect(broadcast).toMatchObject({ kind: "broadcast", ...read, address, flags });
      expect(unpack(broadcast.args as Packed)).toEqual(args);

      expect(pass({ kind: "command", namespace, address, command, host })).toMatchObject({
        kind: "command",
        ...read,
        address,
        command,
      });
      expect(unpack(pass({ kind: "event", namespace, args: packed, host }).args as Packed)).toEqual(args);

      for (const question of [
        { name: "fetch" },
        { name: "ids" },
        { name: "rooms" },
        { name: "event", args: packed },
        { name: "emit", args: packed, flags },
      ] as const) {
        const request = pass({ kind: "request", namespace, requestId, address, question, host });
        expect(request).toMatchObject({ kind: "request", ...read, requestId, question: { name: question.name } });
        const { args: asked } = request.question as { args?: Packed };
        if (asked) expect(unpack(asked)).toEqual(args);
      }

      const respond = (answer: Extract<Outgoing, { kind: "response" }>["answer"]) => {
        const response = pass({ kind: "response", namespace, requestId, to: "to", answer, host });
        expect(response).toMatchObject({ kind: "response", ...read, requestId });
        return response.answer as Record<string, Packed>;
      };
      for (const name of ["fetch", "ids", "rooms"] as const) {
        const answer = respond({ name, arrays: values.map(pack) });
        expect(unpack(answer[name === "rooms" ? "rooms" : "sockets"] as Packed)).toEqual(values.flat());
      }
      expect(unpack(respond({ name: "reply", value: packed }).value as Packed)).toEqual(args);
      expect(unpack(respond({ name: "ack", value: packed }).value as Packed)).toEqual(args);
      expect(respond({ name: "clients", count: rooms.length })).toEqual({ name: "clients", count: rooms.length });
    }),
    { numRuns: 80 },
  );
});

function defined<T extends object>(flags: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as never;
}
