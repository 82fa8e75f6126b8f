/** What plain servers and emitters of the real packages write is read, and what is written they understand. */
import { decode as notepackDecode, encode as notepackEncode } from "notepack.io";
import { describe, expect, test, vi } from "vitest";
import { ClassicWire } from "../../../../../src/primary/uplink/wire/classic.js";
import type { Incoming, Outgoing } from "../../../../../src/primary/uplink/wire/message.js";
import { ShardedWire } from "../../../../../src/primary/uplink/wire/sharded.js";
import type { Wire } from "../../../../../src/primary/uplink/wire/wire.js";
import { pack } from "../../../../../src/worker/packer.js";
import { unpack } from "../../../../../src/worker/unpacker.js";
import { type Published, plainServer, recordingEmitter } from "./plain-server.js";

const MODES = ["classic", "sharded"] as const;
const BINARY = ["news", { text: "hé", list: [1, null], bytes: Buffer.from([1, 2, 3]) }];
const TEXT = ["news", { text: "hé \ud83d\ude00", "a.b": [1.5, -7, 2 ** 40], yes: true }];

function createWire(mode: (typeof MODES)[number], secret?: string): Wire {
  const options = { prefix: "socket.io", uid: "holdfast-host-1", ...(secret !== undefined && { secret }) };
  return mode === "classic" ? new ClassicWire(options) : new ShardedWire(options);
}

describe.each(MODES)("what a plain server writes in %s mode", (mode) => {
  function read({ channel, bytes }: Published): Incoming {
    return createWire(mode).read(channel, bytes);
  }

  test.each([
    ["text", TEXT],
    ["binary", BINARY],
  ])("a broadcast of %s", (_, args) => {
    const { namespace, takePublished } = plainServer(mode, "/chat");
    namespace
      .to("a")
      .except("b")
      .volatile.compress(false)
      .emit(args[0] as string, args[1]);
    const [published] = takePublished();
    const message = read(published as Published);
    expect(message).toMatchObject({
      kind: "broadcast",
      namespace: "/chat",
      uid: (namespace.adapter as unknown as { uid: string }).uid,
      host: undefined,
      address: { namespace: "/chat", rooms: ["a"], except: ["b"] },
      flags: { volatile: true, compress: false },
    });
    expect(argumentsOf(message)).toEqual(args);
  });

  test("commands", () => {
    const { namespace, takePublished } = plainServer(mode);
    namespace.in(["a", "b"]).except("c").socketsJoin(["d", "e"]);
    namespace.in("a").socketsLeave("d");
    namespace.in("a").disconnectSockets(true);
    namespace.disconnectSockets();
    const address = { namespace: "/", rooms: ["a"], except: [] };
    const command = { kind: "command", namespace: "/", address, requestId: undefined };
    expect(takePublished().map(read)).toMatchObject([
      {
        ...command,
        address: { ...address, rooms: ["a", "b"], except: ["c"] },
        command: { name: "join", rooms: ["d", "e"] },
      },
      { ...command, command: { name: "leave", rooms: ["d"] } },
      { ...command, command: { name: "disconnect", close: true } },
      { ...command, address: { ...address, rooms: [] }, command: { name: "disconnect", close: false } },
    ]);
  });

  test("serverSideEmit without and with an acknowledgement", async () => {
    const { namespace, takePublished } = plainServer(mode);
    namespace.serverSideEmit("ping", { a: 1 });
    const event = read(await only(takePublished));
    namespace.serverSideEmit("ask", "x", () => {});
    const request = read(await only(takePublished));
    expect(event).toMatchObject({ kind: "event", namespace: "/" });
    expect(argumentsOf(event)).toEqual(["ping", { a: 1 }]);
    expect(request).toMatchObject({ kind: "request", question: { name: "event" }, address: { rooms: [], except: [] } });
    expect(argumentsOf(request)).toEqual(["ask", "x"]);
  });

  test("fetchSockets", async () => {
    const { namespace, takePublished } = plainServer(mode);
    void namespace
      .in("a")
      .fetchSockets()
      .catch(() => {});
    const message = read(await only(takePublished));
    expect(message).toMatchObject({
      kind: "request",
      question: { name: "fetch" },
      address: { rooms: ["a"], except: [] },
    });
    expect((message as { requestId: string }).requestId.length).toBeGreaterThan(3);
  });

  test("a broadcast with acknowledgements, and for how long it waits", async () => {
    const { namespace, takePublished } = plainServer(mode);
    namespace
      .to("a")
      .timeout(750)
      .emit("ask", Buffer.from("q"), () => {});
    const message = read(await only(takePublished));
    expect(message).toMatchObject({
      kind: "request",
      question: { name: "emit" },
      address: { rooms: ["a"] },
      timeoutMs: 750,
    });
    expect(argumentsOf(message)).toEqual(["ask", Buffer.from("q")]);
  });

  test("what it answers", async () => {
    const server = plainServer(mode);
    const client = server.connect("client-1", "a");
    server.namespace.on("ask" as never, ((_: unknown, answer: (value: unknown) => void) => answer({ ok: 1 })) as never);
    const wire = createWire(mode);
    const request = { kind: "request", namespace: "/", address: { namespace: "/", rooms: ["a"], except: [] } } as const;
    server.deliver(wire.write({ ...request, requestId: "r1", question: { name: "fetch" } }));
    const fetched = wire.read(...spread(await only(server.takePublished)));
    expect(fetched).toMatchObject({ kind: "response", requestId: "r1", answer: { name: "sockets" } });
    expect(answerOf(fetched)).toMatchObject([{ id: "client-1", handshake: client.handshake, rooms: [] }]);

    server.deliver(wire.write({ ...request, requestId: "r2", question: { name: "event", args: pack(["ask", 1]) } }));
    const replied = wire.read(...spread(await only(server.takePublished)));
    expect(replied).toMatchObject({ kind: "response", requestId: "r2", answer: { name: "reply" } });
    expect(answerOf(replied)).toEqual({ ok: 1 });

    const args = pack(["ask", Buffer.from("q")]);
    server.deliver(
      wire.write({
        ...request,
        requestId: "r3",
        question: { name: "emit", args, flags: {} },
        host: { timeoutMs: 300 },
      }),
    );
    const counted = wire.read(...spread(await only(server.takePublished)));
    expect(counted).toMatchObject({ kind: "response", requestId: "r3", answer: { name: "clients", count: 1 } });
    client.acks.values().next().value?.(Buffer.from("answer"));
    const acknowledged = wire.read(...spread(await only(server.takePublished)));
    expect(acknowledged).toMatchObject({ kind: "response", requestId: "r3", answer: { name: "ack" } });
    expect(answerOf(acknowledged)).toEqual(Buffer.from("answer"));
  });

  test("an answer of undefined is one", async () => {
    const server = plainServer(mode);
    server.namespace.on("ask" as never, ((answer: () => void) => answer()) as never);
    const wire = createWire(mode);
    const address = { namespace: "/", rooms: [], except: [] };
    const question = { name: "event", args: pack(["ask"]) } as const;
    server.deliver(wire.write({ kind: "request", namespace: "/", requestId: "r", address, question }));
    const replied = wire.read(...spread(await only(server.takePublished)));
    expect(replied).toMatchObject({ kind: "response", answer: { name: "reply" } });
    expect(answerOf(replied)).toBeUndefined();
  });
});

describe("what a plain server writes in classic mode alone", () => {
  const wire = createWire("classic");

  test("sockets and allRooms", async () => {
    const { namespace, takePublished } = plainServer("classic");
    const adapter = namespace.adapter as unknown as { allRooms(): Promise<unknown> };
    void adapter.allRooms().catch(() => {});
    expect(wire.read(...spread(await only(takePublished)))).toMatchObject({
      kind: "request",
      question: { name: "rooms" },
    });
  });

  test("answers to both", async () => {
    const server = plainServer("classic");
    server.connect("client-1", "a", "b");
    const address = { namespace: "/", rooms: ["a"], except: [] };
    server.deliver(wire.write({ kind: "request", namespace: "/", requestId: "r", address, question: { name: "ids" } }));
    const ids = wire.read(...spread(await only(server.takePublished)));
    expect(ids).toMatchObject({ kind: "response", requestId: "r", answer: { name: "sockets" } });
    expect(answerOf(ids)).toEqual(["client-1"]);
    server.deliver(
      wire.write({ kind: "request", namespace: "/", requestId: "s", address, question: { name: "rooms" } }),
    );
    const rooms = wire.read(...spread(await only(server.takePublished)));
    expect(rooms).toMatchObject({ kind: "response", requestId: "s", answer: { name: "rooms" } });
    expect(answerOf(rooms)).toEqual(["client-1", "a", "b"]);
  });

  test("commands for one socket, as adapters before 6.1 wrote them", () => {
    const read = (request: object) => wire.read("socket.io-request#/#", Buffer.from(JSON.stringify(request)));
    const address = { namespace: "/", rooms: ["sid-1"], except: [] };
    expect(read({ type: 2, requestId: "r", sid: "sid-1", room: "a" })).toMatchObject({
      kind: "command",
      address,
      requestId: "r",
      command: { name: "join", rooms: ["a"] },
    });
    expect(read({ type: 3, sid: "sid-1", room: 5 })).toMatchObject({ command: { name: "leave", rooms: [5] } });
    expect(read({ type: 4, requestId: "r", sid: "sid-1", close: true })).toMatchObject({
      address,
      command: { name: "disconnect", close: true },
    });
    const done = wire.write({
      kind: "response",
      namespace: "/",
      requestId: "r",
      to: undefined,
      answer: { name: "carried-out" },
    });
    expect(done.channel).toBe("socket.io-response#/#");
    expect(notepackDecode(done.bytes)).toMatchObject({ requestId: "r" });
    expect(Object.keys(notepackDecode(done.bytes))).toEqual(["requestId", "holdfast"]);
  });
});

describe("what a redis-emitter writes", () => {
  const wire = createWire("classic");

  test("broadcasts", () => {
    const { emitter, takePublished } = recordingEmitter();
    emitter.emit("all", 1);
    emitter.of("chat").to("a").emit("news", BINARY[1]);
    emitter.to(["a", "b"]).except("c").volatile.compress(true).emit("news");
    const messages = takePublished().map((published) => wire.read(...spread(published)));
    expect(messages).toMatchObject([
      { kind: "broadcast", uid: "emitter", namespace: "/", address: { rooms: [], except: [] }, flags: {} },
      { kind: "broadcast", namespace: "/chat", address: { rooms: ["a"] } },
      { address: { rooms: ["a", "b"], except: ["c"] }, flags: { volatile: true, compress: true } },
    ]);
    expect(messages.map(argumentsOf)).toEqual([["all", 1], ["news", BINARY[1]], ["news"]]);
  });

  test("commands and serverSideEmit", () => {
    const { emitter, takePublished } = recordingEmitter();
    emitter.in("a").socketsJoin("b");
    emitter.in("a").except("c").socketsLeave(["b"]);
    emitter.disconnectSockets(true);
    emitter.serverSideEmit("ping", 1);
    const messages = takePublished().map((published) => wire.read(...spread(published)));
    expect(messages).toMatchObject([
      { kind: "command", uid: undefined, command: { name: "join", rooms: ["b"] }, address: { rooms: ["a"] } },
      { kind: "command", command: { name: "leave", rooms: ["b"] }, address: { rooms: ["a"], except: ["c"] } },
      { kind: "command", command: { name: "disconnect", close: true } },
      { kind: "event", uid: "emitter" },
    ]);
    expect(argumentsOf(messages[3])).toEqual(["ping", 1]);
  });

  test("those of PHP write an empty map as an empty array, those of Python nothing as nil", () => {
    const packet = { type: 2, data: ["a"], nsp: "/" };
    for (const options of [
      { rooms: [], flags: [] },
      { rooms: null, except: null, flags: null },
    ]) {
      expect(wire.read("socket.io#/#", notepackEncode(["emitter", packet, options]))).toMatchObject({
        kind: "broadcast",
        address: { rooms: [], except: [] },
        flags: {},
      });
    }
  });

  test("old ones name no namespace, and a binary event by its own type", () => {
    const bytes = notepackEncode(["emitter", { type: 5, data: ["a", Buffer.from("b")] }, { rooms: ["r"], flags: {} }]);
    const message = wire.read("socket.io#/#", bytes);
    expect(message).toMatchObject({ kind: "broadcast", namespace: "/", address: { rooms: ["r"], except: [] } });
    expect(argumentsOf(message)).toEqual(["a", Buffer.from("b")]);
  });
});

describe.each(MODES)("what is written in %s mode, a plain server understands", (mode) => {
  const host = { timeoutMs: 500, payloads: [Buffer.from("for Holdfast alone")] };

  describe.each([undefined, "a secret"])("with the secret %s", (secret) => {
    function tell(message: Outgoing) {
      const server = plainServer(mode);
      const inA = server.connect("in-a-and-b", "a", "b");
      const elsewhere = server.connect("elsewhere");
      const { channel, bytes } = createWire(mode, secret).write(message);
      return { ...server, inA, elsewhere, delivered: server.deliver({ channel, bytes }), channel };
    }

    const address = { namespace: "/", rooms: ["a"], except: [] };

    test("a broadcast", () => {
      const { inA, elsewhere } = tell({
        kind: "broadcast",
        namespace: "/",
        address,
        flags: {},
        args: pack(TEXT),
        host,
      });
      expect(inA.written).toEqual([`2${JSON.stringify(TEXT)}`]);
      expect(elsewhere.written).toEqual([]);
    });

    test("a binary broadcast to several rooms, but one", () => {
      const rooms = { namespace: "/", rooms: ["a", "elsewhere"], except: ["b"] };
      const { inA, elsewhere } = tell({
        kind: "broadcast",
        namespace: "/",
        address: rooms,
        flags: {},
        args: pack(BINARY),
        host,
      });
      expect(inA.written).toEqual([]);
      expect(elsewhere.written).toEqual([expect.stringMatching(/^51-\["news",/), Buffer.from([1, 2, 3])]);
    });

    test("commands", () => {
      const joined = tell({
        kind: "command",
        namespace: "/",
        address,
        command: { name: "join", rooms: ["c", "d"] },
        host,
      });
      expect([...joined.inA.rooms]).toEqual(["c", "d"]);
      expect([...joined.elsewhere.rooms]).toEqual([]);
      const closed = tell({
        kind: "command",
        namespace: "/",
        address,
        command: { name: "disconnect", close: true },
        host,
      });
      expect(closed.inA.disconnected).toBe(true);
      expect(closed.elsewhere.disconnected).toBeUndefined();
    });

    test("serverSideEmit", () => {
      const heard: unknown[] = [];
      const server = plainServer(mode);
      server.namespace.on("ping" as never, ((...args: unknown[]) => heard.push(args)) as never);
      const wire = createWire(mode, secret);
      server.deliver(wire.write({ kind: "event", namespace: "/", args: pack(["ping", BINARY[1]]), host }));
      expect(heard).toEqual([[BINARY[1]]]);
    });

    test("answers to what it asks", async () => {
      const server = plainServer(mode);
      const wire = createWire(mode, secret);
      const reader = createWire(mode);
      const respond = async (answers: readonly Extract<Outgoing, { kind: "response" }>["answer"][]) => {
        const asked = reader.read(...spread(await only(server.takePublished)));
        if (asked.kind !== "request") throw new Error(asked.kind);
        for (const answer of answers) {
          const { requestId, uid: to } = asked;
          expect(server.deliver(wire.write({ kind: "response", namespace: "/", requestId, to, answer, host }))).toBe(
            true,
          );
        }
      };
      const sockets = [1, 2].map((i) => [
        { id: `s${i}`, handshake: {}, rooms: ["a"], data: { i, bytes: Buffer.from("x") } },
      ]);
      const fetched = server.namespace.fetchSockets();
      await respond([{ name: "fetch", arrays: sockets.map(pack) }]);
      expect((await fetched).map(({ id, data }) => ({ id, data }))).toEqual(
        sockets.flat().map(({ id, data }) => ({ id, data })),
      );

      const replied = new Promise((resolve) => {
        server.namespace.serverSideEmit("ask", (error: Error | null, replies: unknown) => resolve([error, replies]));
      });
      await respond([{ name: "reply", value: pack({ ok: true }) }]);
      expect(await replied).toEqual([null, [{ ok: true }]]);

      const acknowledged = server.namespace.timeout(2_000).emitWithAck("ask");
      await respond([
        { name: "clients", count: 2 },
        { name: "ack", value: pack("one") },
        { name: "ack", value: pack(Buffer.from("two")) },
      ]);
      expect(await acknowledged).toEqual(["one", Buffer.from("two")]);
    });
  });
});

describe("a plain server in sharded mode", () => {
  test("does not mind what only Holdfast asks", () => {
    const server = plainServer("sharded");
    const wire = createWire("sharded");
    const address = { namespace: "/", rooms: [], except: [] };
    for (const name of ["ids", "rooms"] as const) {
      expect(
        server.deliver(wire.write({ kind: "request", namespace: "/", requestId: "r", address, question: { name } })),
      ).toBe(true);
    }
    expect(server.takePublished()).toEqual([]);
  });

  test("gets what is for a room on the room's own channel, and what is for one client on the namespace's", () => {
    const server = plainServer("sharded");
    const id = "abcdefghijklmnopqrst";
    const client = server.connect(id, "a");
    const wire = createWire("sharded");
    const broadcast = { kind: "broadcast", namespace: "/", flags: {}, args: pack(TEXT) } as const;
    for (const room of ["a", id]) {
      expect(server.deliver(wire.write({ ...broadcast, address: { namespace: "/", rooms: [room], except: [] } }))).toBe(
        true,
      );
    }
    expect(client.written.length).toBe(2);
    expect(wire.roomChannel("/", "a")).toBe("socket.io#/#a#");
    expect(wire.roomChannel("/", id)).toBeUndefined();
  });
});

describe("the channels", () => {
  test.each(MODES)("of a namespace in %s mode are those that a plain server subscribes to, and a marker", (mode) => {
    const { redis, namespace } = plainServer(mode, "/chat");
    const wire = createWire(mode);
    const { uid } = namespace.adapter as unknown as { uid: string };
    const theirs = [...redis.channels]
      .filter((channel) => channel.includes("#/chat#"))
      .map((channel) => channel.replace(uid, "holdfast-host-1"));
    expect([...wire.channelsOf("/chat")].sort()).toEqual([...theirs, "socket.io-holdfast#/chat#"].sort());
    expect(theirs).toContain(wire.countedChannels("/chat").all);
    expect(wire.countedChannels("/chat").holdfast).toBe("socket.io-holdfast#/chat#");
  });

  test("the pattern of a prefix is taken by the letter", () => {
    expect(new ClassicWire({ prefix: "a*b[c]?\\", uid: "u" }).pattern).toBe("a\\*b\\[c\\]\\?\\\\#*");
  });
});

function spread({ channel, bytes }: Published): [string, Buffer] {
  return [channel, bytes];
}

/** The one message that a server publishes, now or soon. */
async function only(takePublished: () => Published[]): Promise<Published> {
  const found: Published[] = [];
  await vi.waitFor(
    () => {
      found.push(...takePublished());
      expect(found.length).toBeGreaterThan(0);
    },
    { interval: 1 },
  );
  expect(found.length).toBe(1);
  return found[0] as Published;
}

function argumentsOf(message: Incoming | undefined): unknown {
  if (message?.kind === "broadcast" || message?.kind === "event") return unpack(message.args);
  if (message?.kind === "request" && "args" in message.question) return unpack(message.question.args);
  throw new Error(`no arguments in ${JSON.stringify(message)}`);
}

function answerOf(message: Incoming): unknown {
  if (message.kind !== "response") throw new Error(message.kind);
  const { answer } = message;
  if ("value" in answer) return unpack(answer.value);
  if ("sockets" in answer) return unpack(answer.sockets);
  if ("rooms" in answer) return unpack(answer.rooms);
  throw new Error(answer.name);
}
