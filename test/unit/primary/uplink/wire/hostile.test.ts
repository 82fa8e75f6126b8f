/** What anybody who can publish may send (faults E11 to E15): refused in little time and memory, never thrown. */
import { encode } from "notepack.io";
import { describe, expect, test } from "vitest";
import { ClassicWire } from "../../../../../src/primary/uplink/wire/classic.js";
import type { Incoming, RefusalReason } from "../../../../../src/primary/uplink/wire/message.js";
import { ShardedWire } from "../../../../../src/primary/uplink/wire/sharded.js";

const options = { prefix: "socket.io", uid: "me" };
const classic = new ClassicWire(options);
const sharded = new ShardedWire(options);

/** Decoding these takes at least as long; refusing them takes less than 5 ms (docs/decisions.md), also on a busy machine. */
const DECODED_MS = 100;
const BROADCASTS = "socket.io#/#";
const REQUESTS = "socket.io-request#/#";
const RESPONSES = "socket.io-response#/#";

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const packet = { type: 2, data: ["a"], nsp: "/" };
const to = { rooms: [], except: [], flags: {} };

function reasonOf(message: Incoming): RefusalReason | "believed" {
  return message.kind === "refused" ? message.reason : "believed";
}

describe("a malformed message", () => {
  const everywhere: readonly (readonly [string, Buffer, RefusalReason])[] = [
    ["nothing", Buffer.alloc(0), "malformed"],
    ["a byte that msgpack does not use", hex("c1"), "malformed"],
    ["a number", hex("05"), "wrong-shape"],
    ["nil", hex("c0"), "wrong-shape"],
    ["an empty array", hex("90"), "wrong-shape"],
    ["text", Buffer.from("hello"), "malformed"],
    ["half of JSON", Buffer.from('{"type":'), "malformed"],
    ["two values", Buffer.concat([encode({}), encode({})]), "malformed"],
    ["a map of claims", hex("df ffffffff"), "malformed"],
    ["a map cut short", encode({ uid: "a", type: 1, data: "some text" }).subarray(0, -3), "malformed"],
  ];

  describe.each([
    ["a broadcast", classic, BROADCASTS],
    ["a request", classic, REQUESTS],
    ["a response", classic, RESPONSES],
    ["an announcement", classic, classic.hostChannel],
    ["a sharded message", sharded, BROADCASTS],
    ["a sharded answer", sharded, "socket.io#/#me#"],
  ])("instead of %s", (_, wire, channel) => {
    test.each(everywhere)("%s", (_, bytes, reason) => {
      expect(reasonOf(wire.read(channel, bytes))).toBe(reason);
    });
  });

  test.each<[string, unknown, RefusalReason]>([
    ["no packet", ["u", null, to], "wrong-shape"],
    ["no options", ["u", packet], "wrong-shape"],
    ["arguments that are no array", ["u", { ...packet, data: "a" }, to], "wrong-shape"],
    ["a packet of no type", ["u", { data: [] }, to], "wrong-shape"],
    ["a packet that is no event", ["u", { ...packet, type: 1 }, to], "unknown-type"],
    ["a uid that is a map", [{}, packet, to], "wrong-shape"],
    ["a uid without end", ["u".repeat(65), packet, to], "wrong-shape"],
    ["another namespace", ["u", { ...packet, nsp: "/x" }, to], "wrong-channel"],
    ["a namespace that is a number", ["u", { ...packet, nsp: 5 }, to], "wrong-shape"],
    ["rooms that are a text", ["u", packet, { rooms: "abc" }], "wrong-shape"],
    ["rooms of rooms", ["u", packet, { rooms: [["a"]] }], "wrong-shape"],
    ["except that is a map", ["u", packet, { except: { length: 5 } }], "wrong-shape"],
    ["flags that are a text", ["u", packet, { flags: "volatile" }], "wrong-shape"],
    [
      "more fields than any has",
      ["u", packet, Object.fromEntries([...Array(65).keys()].map((i) => [`f${i}`, i]))],
      "wrong-shape",
    ],
  ])("a broadcast with %s", (_, message, reason) => {
    expect(reasonOf(classic.read(BROADCASTS, encode(message)))).toBe(reason);
  });

  test.each<[string, unknown, RefusalReason]>([
    ["no type", {}, "wrong-shape"],
    ["an unknown type", { type: 17 }, "unknown-type"],
    ["a type that is text", { type: "2" }, "wrong-shape"],
    ["the type of faults.md", { type: 5 }, "wrong-shape"],
    ["a join of nobody", { type: 2 }, "wrong-shape"],
    ["a join of a map", { type: 2, sid: {}, room: "a" }, "wrong-shape"],
    ["a fetch without an id", { type: 5, opts: {} }, "wrong-shape"],
    ["a fetch with a long id", { type: 5, opts: {}, requestId: "r".repeat(65) }, "wrong-shape"],
    ["an event that is a text", { type: 6, data: "abc" }, "wrong-shape"],
    ["an emit without packet", { type: 7, opts: {}, requestId: "r" }, "wrong-shape"],
  ])("a request with %s", (_, message, reason) => {
    expect(reasonOf(classic.read(REQUESTS, json(message)))).toBe(reason);
    expect(reasonOf(classic.read(REQUESTS, encode(message)))).toBe(reason);
  });

  test.each<[string, unknown, RefusalReason]>([
    ["no id", { sockets: [] }, "wrong-shape"],
    ["sockets that are a map", { requestId: "r", sockets: {} }, "wrong-shape"],
    ["a count below nothing", { requestId: "r", type: 8, clientCount: -1 }, "wrong-shape"],
    ["a count that is a text", { requestId: "r", type: 8, clientCount: "5" }, "wrong-shape"],
    ["an unknown type", { requestId: "r", type: 3 }, "unknown-type"],
  ])("a response with %s", (_, message, reason) => {
    expect(reasonOf(classic.read(RESPONSES, json(message)))).toBe(reason);
  });

  test.each<[string, unknown, RefusalReason]>([
    ["no data", { uid: "u", nsp: "/", type: 3 }, "wrong-shape"],
    ["no namespace", { uid: "u", type: 3, data: { opts: to, packet } }, "wrong-shape"],
    ["another namespace", { uid: "u", nsp: "/x", type: 3, data: { opts: to, packet } }, "wrong-channel"],
    ["a heartbeat's type", { uid: "u", nsp: "/", type: 2, data: {} }, "unknown-type"],
    [
      "an emit with a number for an id",
      { uid: "u", nsp: "/", type: 3, data: { opts: to, packet, requestId: 5 } },
      "wrong-shape",
    ],
    ["a packet that is an array", { uid: "u", nsp: "/", type: 3, data: { opts: to, packet: [] } }, "wrong-shape"],
    ["an event that is a map", { uid: "u", nsp: "/", type: 9, data: { packet } }, "wrong-shape"],
  ])("a sharded message with %s", (_, message, reason) => {
    expect(reasonOf(sharded.read(BROADCASTS, json(message)))).toBe(reason);
  });

  test("a broadcast on the channel of a room that it is not for", () => {
    const read = (channel: string) => reasonOf(classic.read(channel, encode(["u", packet, { rooms: ["a", 5] }])));
    for (const channel of ["socket.io#/#", "socket.io#/#a#", "socket.io#/#5#"]) expect(read(channel)).toBe("believed");
    for (const channel of ["socket.io#/#b#", "socket.io#/#a", "socket.io#/", "socket.io#"]) {
      expect(read(channel)).toBe("wrong-channel");
    }
  });

  test("a channel of another prefix, or of none", () => {
    for (const channel of ["x#/#", "socket.iox#/#", ""]) {
      expect(reasonOf(classic.read(channel, encode(["u", packet, to])))).toBe("wrong-channel");
    }
    expect(reasonOf(classic.read("socket.io#other#/#", encode(["u", packet, to])))).toBe("wrong-channel");
  });
});

describe("a message that claims more than it is", () => {
  const bombs: readonly (readonly [string, Buffer])[] = [
    ["three arrays of 20 million", hex("dd 01312d00 dd 01312d00 dd 01312d00")],
    ["one of them in a broadcast", Buffer.concat([hex("93 a1 75"), hex("dd 01312d00")])],
    ["an extension of 64 MB", hex("c9 04000000 00")],
    ["the same as a field", Buffer.concat([hex("93"), hex("c9 04000000 00")])],
    ["20,000 arrays in each other", Buffer.alloc(20_000, 0x91)],
    ["as many maps", Buffer.from("81a16b".repeat(20_000), "hex")],
    ["a million brackets", Buffer.from(`{"type":6,"data":${"[".repeat(1_000_000)}`)],
    ["a million closed ones", Buffer.from(`{"type":6,"data":${"[".repeat(1e6)}${"]".repeat(1e6)}}`)],
    ["a million braces", Buffer.from(`{"data":${'{"":'.repeat(1_000_000)}`)],
  ];

  test.each(bombs)("%s takes neither time nor memory", (_, bytes) => {
    const read = () => [
      classic.read(BROADCASTS, bytes),
      classic.read(REQUESTS, bytes),
      sharded.read(BROADCASTS, bytes),
    ];
    for (const message of read()) expect(["malformed", "too-deep", "wrong-shape"]).toContain(reasonOf(message));
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    const before = process.cpuUsage();
    for (let i = 0; i < 10; i++) read();
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 30_000).toBeLessThan(DECODED_MS);
    const after = process.memoryUsage();
    expect(after.heapUsed + after.external + after.arrayBuffers - heapUsed - external - arrayBuffers).toBeLessThan(
      10e6,
    );
  });

  test("depth is allowed up to 500, envelope and all", () => {
    const nested = (depth: number) =>
      encode(["u", { ...packet, data: 0 }, to])
        .toString("latin1")
        .replace("data\x00", `data${"\x91".repeat(depth)}\x00`);
    const read = (depth: number) => reasonOf(classic.read(BROADCASTS, Buffer.from(nested(depth), "latin1")));
    expect(read(498)).toBe("believed");
    expect(read(499)).toBe("too-deep");
  });

  test("16 million empty arrays are too many", () => {
    const bytes = Buffer.concat([
      hex("93 a1 75 83 a4 74797065 02 a3 6e7370 a1 2f a4 64617461 dd 00989680"),
      Buffer.alloc(10_000_000, 0x90),
      encode(to),
    ]);
    expect(reasonOf(classic.read(BROADCASTS, bytes))).toBe("too-large");
    const text = Buffer.from(`{"type":6,"data":[[]${",[]".repeat(2_000_000)}]}`);
    expect(reasonOf(classic.read(REQUESTS, text))).toBe("too-large");
  });

  test("rooms without end", () => {
    const message = ["u", packet, { rooms: new Array(250_001).fill(1) }];
    expect(reasonOf(classic.read(BROADCASTS, encode(message)))).toBe("wrong-shape");
    expect(reasonOf(classic.read(REQUESTS, json({ type: 2, opts: {}, rooms: new Array(250_001).fill(1) })))).toBe(
      "wrong-shape",
    );
  });

  test("100 MB are refused by their size alone, and so is a little more than allowed", () => {
    expect(reasonOf(classic.read(BROADCASTS, Buffer.alloc(100 * 1024 * 1024, 0x90)))).toBe("too-large");
    const small = new ClassicWire({ ...options, maxMessageBytes: 100 });
    const broadcast = (length: number) => encode(["u", { ...packet, data: ["x".repeat(length)] }, to]);
    expect(reasonOf(small.read(BROADCASTS, broadcast(10)))).toBe("believed");
    expect(reasonOf(small.read(BROADCASTS, broadcast(100)))).toBe("too-large");
  });
});

describe("keys that pollute", () => {
  test.each(["__proto__", "constructor", "toString"])("%s changes nothing, wherever it stands", (key) => {
    const nasty = `{"type":6,"data":[{"${key}":{"polluted":1}}],"${key}":{"polluted":1},"opts":{"${key}":{"polluted":1}}}`;
    expect(reasonOf(classic.read(REQUESTS, Buffer.from(nasty)))).toBe("believed");
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    const flags = `{"type":2,"rooms":["a"],"opts":{"rooms":["b"],"flags":{"${key}":{"volatile":true}}}}`;
    expect(classic.read(REQUESTS, Buffer.from(flags))).toMatchObject({ kind: "command", address: { rooms: ["b"] } });
  });

  test("a field counts as it does for every other decoder: the last of one name", () => {
    const twice = '{"type":2,"type":3,"rooms":["a"],"opts":{"rooms":["x"]},"opts":{"rooms":["y"]}}';
    expect(classic.read(REQUESTS, Buffer.from(twice))).toMatchObject({
      command: { name: "leave" },
      address: { rooms: ["y"] },
    });
  });
});
