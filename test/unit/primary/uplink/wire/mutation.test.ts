/** Valid messages with bytes changed, cut and doubled: each is read as something or refused, in little time. */
import { encode } from "notepack.io";
import { expect, test } from "vitest";
import { ClassicWire } from "../../../../../src/primary/uplink/wire/classic.js";
import type { Outgoing } from "../../../../../src/primary/uplink/wire/message.js";
import { ShardedWire } from "../../../../../src/primary/uplink/wire/sharded.js";
import type { Wire } from "../../../../../src/primary/uplink/wire/wire.js";
import { DecodeError } from "../../../../../src/worker/codec.js";
import { pack } from "../../../../../src/worker/packer.js";
import { unpack } from "../../../../../src/worker/unpacker.js";

const MUTATIONS = 100_000;

const args = pack(["news", { text: "hé", list: [1, -2.5, null, true], deep: { er: [{}] } }, Buffer.from("bytes")]);
const address = { namespace: "/", rooms: ["a", 5], except: ["b"] };
const host = { timeoutMs: 100, answered: 1, lost: 1, last: true, payloads: [Buffer.from("p"), Buffer.alloc(0)] };
const messages: readonly Outgoing[] = [
  { kind: "broadcast", namespace: "/", address, flags: { volatile: true, compress: false }, args, host },
  { kind: "command", namespace: "/", address, command: { name: "join", rooms: ["c"] }, host },
  { kind: "command", namespace: "/", address, command: { name: "disconnect", close: true } },
  { kind: "event", namespace: "/", args, host },
  { kind: "request", namespace: "/", requestId: "r", address, question: { name: "fetch" }, host },
  { kind: "request", namespace: "/", requestId: "r", address, question: { name: "emit", args, flags: {} }, host },
  { kind: "response", namespace: "/", requestId: "r", to: "me", answer: { name: "fetch", arrays: [args, args] }, host },
  { kind: "response", namespace: "/", requestId: "r", to: "me", answer: { name: "clients", count: 5 }, host },
  { kind: "response", namespace: "/", requestId: "r", to: "me", answer: { name: "ack", value: args } },
];
const jsonMessages: readonly (readonly [string, object])[] = [
  ["socket.io-request#/#", { uid: "u", type: 2, opts: { rooms: ["a\u0000"], except: [1.5e3] }, rooms: ["b"] }],
  ["socket.io-request#/#", { uid: "u", type: 6, data: ['ev\\"', { a: [true, false, null] }], requestId: "r" }],
  [
    "socket.io#/#",
    { uid: "u", nsp: "/", type: 3, data: { packet: { type: 2, data: ["é"] }, opts: { rooms: [], flags: {} } } },
  ],
  ["socket.io-response#/#", { requestId: "r", sockets: [{ id: "a", rooms: [], data: {} }] }],
];

const options = { prefix: "socket.io", uid: "me" };
const formats = [
  ["classic", (uid: string, secret?: string) => new ClassicWire({ ...options, uid, ...(secret && { secret }) })],
  ["sharded", (uid: string, secret?: string) => new ShardedWire({ ...options, uid, ...(secret && { secret }) })],
] as const;

test.each(formats)(`${MUTATIONS} changed messages of the %s format`, (_, create) => {
  const other = create("other");
  const reader = create("me");
  const valid = [
    ...messages.map((message) => other.write(message)),
    other.writeAnnouncement({
      tag: "abcd",
      address: "http://10.0.0.1:80",
      hostId: "h",
      release: "1",
      goodbye: false,
      workers: new Map([["/", 4]]),
    }),
    { channel: "socket.io#/#", bytes: encode(["emitter", { type: 2, data: ["a", new Date()] }, { rooms: [] }]) },
    ...jsonMessages.map(([channel, message]) => ({ channel, bytes: Buffer.from(JSON.stringify(message)) })),
  ];
  const random = randomFrom(20_261_121);
  const outcomes = new Map<string, number>();
  for (let i = 0; i < MUTATIONS; i++) {
    const { channel, bytes } = valid[random(valid.length)] as (typeof valid)[number];
    const outcome = outcomeOf(reader, channel, mutated(bytes, random));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  // The changes are neither all noticed nor none.
  for (const outcome of ["broadcast", "command", "malformed", "wrong-shape"]) {
    expect(outcomes.get(outcome), outcome).toBeGreaterThan(100);
  }
});

test.each(formats)("no changed message of the %s format passes for a signed one", (_, create) => {
  const other = create("other", "secret");
  const random = randomFrom(7);
  for (let i = 0; i < 5_000; i++) {
    const { channel, bytes } = other.write(messages[random(messages.length)] as Outgoing);
    const reader = create("me", "secret");
    const changed = mutated(bytes, random);
    if (changed.equals(bytes)) continue;
    const message = reader.read(channel, changed);
    if (message.kind === "broadcast") expect(message.host).toBeUndefined();
    else expect(["refused", "own"]).toContain(message.kind);
  }
});

/** What is believed is unpacked as well, as a worker would. */
function outcomeOf(reader: Wire, channel: string, bytes: Buffer): string {
  const message = reader.read(channel, bytes);
  if (message.kind === "refused") return message.reason;
  try {
    if ("args" in message) unpack(message.args);
    if (message.kind === "request" && "args" in message.question) unpack(message.question.args);
    if (message.kind === "response" && "value" in message.answer) unpack(message.answer.value);
    if (message.kind === "response" && "sockets" in message.answer) unpack(message.answer.sockets);
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return "unreadable";
  }
  return message.kind;
}

function mutated(bytes: Buffer, random: (below: number) => number): Buffer {
  let changed = Buffer.from(bytes);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = random(changed.length);
    const kind = random(6);
    if (kind === 0) changed = changed.subarray(0, at);
    else if (kind === 1) changed = Buffer.concat([changed.subarray(0, at), changed.subarray(at + 1 + random(4))]);
    else if (kind === 2)
      changed = Buffer.concat([changed.subarray(0, at), Buffer.from([random(256)]), changed.subarray(at)]);
    else if (kind === 3) changed = Buffer.concat([changed.subarray(0, at), changed.subarray(random(changed.length))]);
    else if (changed.length > 0) changed[at] = kind === 4 ? random(256) : (changed[at] as number) ^ (1 << random(8));
  }
  return changed;
}

/** The same numbers in each run (a linear congruential generator). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return below === 0 ? 0 : Math.floor((state / 2 ** 32) * below);
  };
}
