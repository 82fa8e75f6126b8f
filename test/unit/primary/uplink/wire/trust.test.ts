/** Whom a host believes: numbering, signatures, versions, and what is its own. */
import { encode } from "notepack.io";
import { describe, expect, test } from "vitest";
import { MAX_NAMESPACES } from "../../../../../src/primary/uplink/wire/announcement.js";
import { ClassicWire } from "../../../../../src/primary/uplink/wire/classic.js";
import type { Incoming, Outgoing, Publication } from "../../../../../src/primary/uplink/wire/message.js";
import { NO_GAP } from "../../../../../src/primary/uplink/wire/sequence.js";
import { ShardedWire } from "../../../../../src/primary/uplink/wire/sharded.js";
import type { Wire } from "../../../../../src/primary/uplink/wire/wire.js";
import { pack } from "../../../../../src/worker/packer.js";

const formats = [
  ["classic", ClassicWire],
  ["sharded", ShardedWire],
] as const;

const args = pack(["news", { a: 1 }]);
const address = { namespace: "/", rooms: [], except: [] };
const broadcast: Outgoing = { kind: "broadcast", namespace: "/", address, flags: {}, args };
const join: Outgoing = { kind: "command", namespace: "/", address, command: { name: "join", rooms: ["a"] } };
const event: Outgoing = { kind: "event", namespace: "/", args };
const fetch: Outgoing = { kind: "request", namespace: "/", requestId: "r", address, question: { name: "fetch" } };
const ask: Outgoing = { ...fetch, question: { name: "emit", args, flags: {} } };
const answer: Outgoing = {
  kind: "response",
  namespace: "/",
  requestId: "r",
  to: "me",
  answer: { name: "clients", count: 1 },
};
const announcement = {
  tag: "abcd",
  address: "http://10.0.0.1:80",
  hostId: "host-a",
  release: "0.1.0",
  goodbye: false,
  workers: new Map([
    ["/", 4],
    ["/chat", 2],
  ]),
};
const controls = { join, event, fetch, "a broadcast with acks": ask, answer };

function asRefused(message: Incoming): string {
  return message.kind === "refused" ? message.reason : message.kind;
}

describe.each(formats)("in the %s format", (mode, WireOf) => {
  const create = (uid: string, secret?: string): Wire =>
    new WireOf({ prefix: "p", uid, ...(secret !== undefined && { secret }) });
  const pass = (from: Wire, to: Wire, message: Outgoing): Incoming => {
    const { channel, bytes } = from.write(message);
    return to.read(channel, bytes);
  };
  const missed = (message: Incoming) => ("host" in message ? message.host?.gap.missed : undefined);

  describe("a host", () => {
    test("knows its own messages", () => {
      const wire = create("me");
      for (const message of [broadcast, join, ask, answer]) expect(pass(wire, wire, message)).toEqual({ kind: "own" });
      const { channel, bytes } = wire.writeAnnouncement(announcement);
      expect(wire.read(channel, bytes)).toEqual({ kind: "own" });
    });

    test("hears another's word about itself", () => {
      const { channel, bytes } = create("other").writeAnnouncement(announcement);
      expect(channel).toBe("p-holdfast#");
      expect(create("me").read(channel, bytes)).toEqual({ kind: "announcement", uid: "other", ...announcement });
      const bye = create("other").writeAnnouncement({ ...announcement, goodbye: true, workers: new Map() });
      expect(create("me").read(bye.channel, bye.bytes)).toMatchObject({ goodbye: true, workers: new Map() });
    });

    test("tells of so many namespaces, and no more", () => {
      const workers = new Map(Array.from({ length: MAX_NAMESPACES + 1 }, (_, i) => [`/${i}`, 1]));
      const { channel, bytes } = create("other").writeAnnouncement({ ...announcement, workers });
      const heard = create("me").read(channel, bytes);
      expect(heard.kind === "announcement" && heard.workers.size).toBe(MAX_NAMESPACES);
    });

    test("gets what is for hosts alone as it was written", () => {
      const host = {
        timeoutMs: 1500,
        answered: 3,
        lost: 1,
        last: true,
        payloads: [Buffer.from("p"), Buffer.alloc(70_000)],
      };
      expect(pass(create("other"), create("me"), { ...fetch, host })).toMatchObject({
        uid: "other",
        timeoutMs: 1500,
        host: { uid: "other", sequence: 1, gap: NO_GAP, ...host },
      });
    });

    test("learns what it has missed, of each sender on each stream", () => {
      const other = create("other");
      const me = create("me");
      expect(missed(pass(other, me, broadcast))).toBe(0);
      other.write(broadcast);
      other.write(broadcast);
      expect(missed(pass(other, me, broadcast))).toBe(2);
      expect(missed(pass(create("third"), me, broadcast))).toBe(0);
      expect(missed(pass(other, me, answer))).toBe(0);
    });

    test("misses nothing on a channel that it had left", () => {
      const other = create("other");
      const me = create("me");
      const { channel } = other.write(join);
      pass(other, me, join);
      me.forgetChannel(channel);
      other.write(join);
      expect(missed(pass(other, me, join))).toBe(0);
    });

    test("believes nobody under another's name", () => {
      const { channel, bytes } = create("other").write(join);
      const text = bytes.toString("latin1").replace("other", "third");
      expect(asRefused(create("me").read(channel, Buffer.from(text, "latin1")))).toBe("wrong-shape");
    });

    test("believes no host part that something follows: a signature there would not cover it", () => {
      const { channel, bytes } = create("other").write(join);
      const message = Buffer.concat([bytes, encode("more"), encode(1)]);
      message[0] = (message[0] as number) + 1;
      expect(asRefused(create("me").read(channel, bytes))).toBe("command");
      expect(asRefused(create("me").read(channel, message))).toBe("wrong-shape");
    });

    test("reaches a room whose name no channel can have", () => {
      const to = { namespace: "/", rooms: ["\ud800"], except: [] };
      const { channel, bytes } = create("other", "a secret").write({ ...broadcast, address: to });
      const asRedisBringsIt = Buffer.from(channel).toString();
      expect(create("me", "a secret").read(asRedisBringsIt, bytes)).toMatchObject({
        address: to,
        host: { uid: "other" },
      });
      expect([channel, create("me").roomChannel("/", "\ud800") ?? channel]).toEqual([asRedisBringsIt, asRedisBringsIt]);
    });

    test("takes the broadcasts of another version for a plain server's, and nothing else", () => {
      const other = create("other");
      const me = create("me");
      expect(me.read(...ofVersion(4, other.write(broadcast)))).toMatchObject({ kind: "broadcast", host: undefined });
      for (const message of Object.values(controls)) {
        expect(me.read(...ofVersion(4, other.write(message)))).toEqual({
          kind: "refused",
          reason: "other-version",
          version: 4,
        });
      }
      expect(me.read(...ofVersion(4, other.writeAnnouncement(announcement)))).toMatchObject({
        reason: "other-version",
      });
    });

    test("refuses an announcement of a plain sender", () => {
      const plain = encode({ uid: "x", hostId: "", release: "", goodbye: true, namespaces: [], workers: [] });
      expect(asRefused(create("me").read("p-holdfast#", plain))).toBe("wrong-shape");
    });
  });

  describe("with a secret", () => {
    const other = create("other", "a secret");

    test("hosts that know it understand each other", () => {
      const me = create("me", "a secret");
      for (const message of [broadcast, ...Object.values(controls)]) {
        expect(pass(other, me, message)).toMatchObject({ kind: message.kind, host: { uid: "other" } });
      }
      const { channel, bytes } = other.writeAnnouncement(announcement);
      expect(me.read(channel, bytes)).toMatchObject({ kind: "announcement", ...announcement });
    });

    test.each(Object.entries(controls))("%s is refused of whoever does not", (_, message) => {
      const me = create("me", "a secret");
      expect(asRefused(pass(create("outsider"), me, message))).toBe("unsigned");
      expect(asRefused(pass(create("outsider", "another"), me, message))).toBe("wrong-signature");
    });

    test("plain servers' commands and requests are refused, and their broadcasts are not", () => {
      const me = create("me", "a secret");
      const options = { rooms: [], except: [] };
      const packet = { type: 2, data: ["a"], nsp: "/" };
      if (mode === "classic") {
        expect(asRefused(me.read("p#/#", encode(["u", packet, options])))).toBe("broadcast");
        expect(asRefused(me.read("p-request#/#", encode({ type: 4, opts: options, close: true })))).toBe("unsigned");
        expect(asRefused(me.read("p-response#/#", encode({ requestId: "r", sockets: [] })))).toBe("unsigned");
      } else {
        const message = { uid: "u", nsp: "/", type: 3, data: { packet, opts: options } };
        expect(asRefused(me.read("p#/#", encode(message)))).toBe("broadcast");
        expect(asRefused(me.read("p#/#", encode({ ...message, data: { ...message.data, requestId: "r" } })))).toBe(
          "unsigned",
        );
        expect(asRefused(me.read("p#/#", encode({ ...message, type: 6 })))).toBe("unsigned");
      }
    });

    test("an unsigned broadcast of a host counts as a plain server's: its numbers are not believed", () => {
      expect(pass(create("other"), create("me", "a secret"), broadcast)).toMatchObject({
        kind: "broadcast",
        host: undefined,
      });
      expect(asRefused(pass(create("other", "another"), create("me", "a secret"), broadcast))).toBe("wrong-signature");
    });

    test("a message is refused the second time, and so are those before it", () => {
      const me = create("me", "a secret");
      const [first, second] = [other.write(join), other.write(join)];
      expect(asRefused(me.read(second.channel, second.bytes))).toBe("command");
      for (const old of [first, second]) expect(asRefused(me.read(old.channel, old.bytes))).toBe("replayed");
    });

    test("a message is refused on another channel", () => {
      const { channel, bytes } = other.write(fetch);
      const elsewhere = channel.replace("#/#", "#/admin#");
      const moved =
        mode === "classic"
          ? bytes
          : Buffer.from(bytes.toString("latin1").replace("nsp\xa1/", "nsp\xa6/admin"), "latin1");
      expect(asRefused(create("me", "a secret").read(elsewhere, moved))).toBe("wrong-signature");
    });

    test("each byte counts", () => {
      const { channel, bytes } = other.write(event);
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ 1;
        expect(["refused", "own"]).toContain(create("me", "a secret").read(channel, changed).kind);
      }
    });
  });

  test("without a secret, what seems older than the last is believed: anybody could have numbered that", () => {
    const me = create("me");
    const other = create("other");
    const [first, second] = [other.write(join), other.write(join)];
    for (const { channel, bytes } of [second, first, second])
      expect(asRefused(me.read(channel, bytes))).toBe("command");
  });
});

/** The host part begins with its version, behind the name of its field (or the head of a classic broadcast's fourth). */
function ofVersion(version: number, { channel, bytes }: Publication): [string, Buffer] {
  const changed = Buffer.from(bytes);
  const uid = changed.lastIndexOf(Buffer.from("\u0005other"));
  changed[uid - 2] = version;
  return [channel, changed];
}
