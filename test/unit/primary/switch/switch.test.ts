import { Duplex } from "node:stream";
import { setImmediate as nextPoll } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Keep, Keeper } from "../../../../src/primary/switch/keeper.js";
import { Switch, type SwitchLink } from "../../../../src/primary/switch/switch.js";
import { MAX_QUEUED_BYTES } from "../../../../src/primary/switch/worker-link.js";
import { PROTOCOL_VERSION, type WorkerMessage } from "../../../../src/protocol/control.js";
import {
  Audience,
  FrameBatch,
  FrameKind,
  FrameReader,
  kindOf,
  ProtocolError,
  type RoomName,
} from "../../../../src/protocol/frame.js";
import { FrameSplitter } from "../../../../src/protocol/frame-splitter.js";
import { readRun, writeRun } from "../../../../src/protocol/run.js";
import { eachText, textFrameOf } from "../../../../src/protocol/text-frame.js";

const TIMEOUT_MS = 1_000;

describe("a broadcast", () => {
  test("reaches the workers with a member of a room, once each, and not its sender", async () => {
    const { hub, workers } = start(4);
    const [a, b, c, d] = workers;
    for (const member of [a, b, c]) join(member, ["r", `of ${workers.indexOf(member)}`]);
    join(c, ["s"]);
    join(d, ["t"]);
    broadcast(a, ["r", "s"], "hello");
    await relayed();
    expect([a, b, c, d].map(({ events }) => events)).toEqual([[], ["hello"], ["hello"], []]);
    expect(hub.counters).toMatchObject({ switchFramesRelayed: 2, switchLinks: 4, switchRooms: 6, switchNamespaces: 1 });
  });

  test("to everybody reaches the workers with a member of anything in the namespace", async () => {
    const { workers } = start(4);
    const [a, b, c, d] = workers;
    join(b, ["r"]);
    write(c, (batch) => batch.begin(FrameKind.open).text("/").end());
    join(d, ["r"], "/other");
    broadcast(a, [], "hello");
    await relayed();
    expect([b, c, d].map(({ events }) => events)).toEqual([["hello"], [], []]);
  });

  test("reaches a member whose join is read one poll later: epoll's order is not that of the writes", async () => {
    const { workers } = start(2);
    const [a, b] = workers;
    broadcast(a, ["r"], "hello");
    await nextPoll();
    join(b, ["r"]);
    await relayed();
    expect(b.events).toEqual(["hello"]);
  });

  test("keeps the order of its sender", async () => {
    const { workers } = start(2);
    const [a, b] = workers;
    join(b, ["r"]);
    for (let i = 0; i < 100; i++) {
      broadcast(a, ["r"], `${i}`);
      if (i % 7 === 0) await nextPoll();
    }
    await relayed();
    expect(b.events).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });
});

test("a run goes where a broadcast would, as one frame, between those before and behind it", async () => {
  const { hub, workers } = start(3);
  const [a, b, c] = workers;
  join(b, ["r"]);
  join(c, ["s"]);
  broadcast(a, ["r"], "first");
  run(a, ["r"], ["1", "2", "3"], [Buffer.from("packed"), Buffer.from("for"), Buffer.from("others")]);
  broadcast(a, [], "last");
  await relayed();
  expect([b, c].map(({ events }) => events)).toEqual([["first", "1", "2", "3", "last"], ["last"]]);
  expect(hub.counters).toMatchObject({ switchFramesRelayed: 4 });
});

test("where events are kept, those of a run are kept and relayed one by one, each with its number", async () => {
  const kept: Buffer[] = [];
  const keep: Keep = {
    onFrame: () => {},
    onBroadcast: (frame) => kept.push(Buffer.from(frame)),
    onCommand: () => undefined,
    onGone: () => {},
    exceptFor: () => [],
  };
  const keeper = { last: 0, windowMs: 1_000, foreign: keep, unheard: () => {}, connect: () => keep };
  const { workers } = start(2, keeper);
  const [a, b] = workers;
  join(b, ["r"]);
  run(a, ["r"], ["1", "2"], [Buffer.from("packed"), Buffer.from("too")]);
  await relayed();
  expect(kept.map(kindOf)).toEqual([FrameKind.broadcast, FrameKind.broadcast]);
  expect(b.events).toHaveLength(2);
  expect(b.events.map((event) => event.at(-1))).toEqual(["1", "2"]);
});

test("a command to join has what follows it reach the joining worker, until that has told of its joins", async () => {
  const { workers } = start(2);
  const [a, b] = workers;
  join(b, ["old"]);
  command(a, Audience.joining, ["old"]);
  broadcast(a, ["new"], "at once");
  await relayed();
  expect(b.events).toEqual(["a command", "at once"]);
  join(b, ["new"]);
  write(b, (batch) => batch.begin(FrameKind.joined).text("/").end());
  broadcast(a, ["new"], "later");
  broadcast(a, ["newer"], "to nobody");
  await relayed();
  expect(b.events).toEqual(["a command", "at once", "later"]);
});

test("commands to join that are read together go in the order in which their workers said them", async () => {
  const { workers } = start(3);
  const [a, b, c] = workers;
  join(c, ["r"]);
  for (const [worker, name, saidAtUs] of [
    [a, "before the second", 2],
    [b, "before the first", 1],
  ] as const) {
    broadcast(worker, ["r"], name);
    write(worker, (batch) => batch.begin(FrameKind.saidAt).count(saidAtUs).end());
    command(worker, Audience.joining, ["r"]);
  }
  await relayed();
  expect(c.events).toEqual(["before the first", "a command", "before the second", "a command"]);
});

describe("a request", () => {
  test("is answered by those it was sent to, under the id that its sender gave it", async () => {
    const { workers } = start(3);
    const [a, b, c] = workers;
    for (const member of [b, c]) join(member, ["r"]);
    request(a, 77, ["r"]);
    await relayed();
    for (const { responder, id } of [...asked(b), ...asked(c)]) respond(responder, id);
    await relayed();
    expect(a.answers).toEqual(["response to 77", "response to 77", "done 77: 2 answered, 0 lost"]);
  });

  test("to nobody is done at once", async () => {
    const { workers } = start(1);
    const [a] = workers;
    request(a, 5, ["r"]);
    await relayed();
    expect(a.answers).toEqual(["done 5: 0 answered, 0 lost"]);
  });

  test("beyond ten thousand of one worker is refused, counted, and asked of nobody", async () => {
    const { hub, workers } = start(2);
    const [a, b] = workers;
    join(b, ["r"]);
    for (let id = 1; id <= 10_001; id++) request(a, id, ["r"]);
    await relayed();
    expect([asked(b).length, a.answers]).toEqual([10_000, ["refused 10001"]]);
    expect(hub.counters).toMatchObject({ switchRequests: 10_000, switchRequestsRefused: 1 });
  });

  test("does not wait for a worker that has ended", async () => {
    const { hub, workers } = start(3);
    const [a, b, c] = workers;
    for (const member of [b, c]) join(member, ["r"]);
    request(a, 5, ["r"]);
    await relayed();
    respond(b, (asked(b)[0] as Asked).id);
    c.stream.destroy();
    await relayed();
    expect(a.answers).toEqual(["response to 5", "done 5: 1 answered, 1 lost"]);
    expect(hub.counters).toMatchObject({ switchRequests: 0, switchLinks: 2 });
  });

  test("is heard only by those who were asked", async () => {
    const { workers } = start(3);
    const [a, b, c] = workers;
    join(b, ["r"]);
    request(a, 5, ["r"]);
    await relayed();
    respond(c, (asked(b)[0] as Asked).id);
    await relayed();
    expect(a.answers).toEqual([]);
    expect(c.ends).toEqual([]);
  });

  test("that was cancelled is forgotten", async () => {
    const { hub, workers } = start(2);
    const [a, b] = workers;
    join(b, ["r"]);
    request(a, 5, ["r"]);
    await relayed();
    write(a, (batch) => batch.begin(FrameKind.cancel).number(5).end());
    respond(b, (asked(b)[0] as Asked).id);
    await relayed();
    expect(a.answers).toEqual([]);
    expect(hub.counters).toMatchObject({ switchRequests: 0 });
  });
});

test("the servers of a namespace are counted without the one that asks", async () => {
  const { workers } = start(3);
  const [a, b] = workers;
  for (const server of [a, b]) write(server, (batch) => batch.begin(FrameKind.open).text("/x").end());
  write(a, (batch) => batch.begin(FrameKind.count).number(9).text("/x").end());
  await relayed();
  expect(a.answers).toEqual(["done 9: 1 answered, 0 lost"]);
});

describe("a worker that does not read", () => {
  test("loses frames past the bound, which are counted, and no other worker does", async () => {
    const { hub, workers } = start(3);
    const [a, b, c] = workers;
    for (const member of [b, c]) join(member, ["r"]);
    b.stuck = true;
    const megabyte = "x".repeat(1024 * 1024);
    for (let i = 0; i < 20; i++) {
      broadcast(a, ["r"], megabyte);
      await relayed();
    }
    expect(c.events).toHaveLength(20);
    expect(b.link.queuedBytes).toBeGreaterThan(MAX_QUEUED_BYTES);
    expect(b.link.queuedBytes).toBeLessThan(MAX_QUEUED_BYTES + 3 * megabyte.length);
    expect(hub.counters.switchFramesDropped).toBeGreaterThan(2);
  });

  test("takes a frame larger than the bound, and what follows it", async () => {
    const { hub, workers } = start(2);
    const [a, b] = workers;
    join(b, ["r"]);
    b.stuck = true;
    for (const text of ["small", "x".repeat(MAX_QUEUED_BYTES + 1), "small"]) {
      broadcast(a, ["r"], text);
      await relayed();
    }
    expect(hub.counters).toMatchObject({ switchFramesRelayed: 3, switchFramesDropped: 0 });
  });
});

describe("what is not of the protocol ends the link it came on, and no other", () => {
  const garbage: Record<string, (batch: FrameBatch) => void> = {
    "an unknown kind": (batch) => batch.begin(99 as FrameKind).end(),
    "a kind of the switch's own": (batch) => batch.begin(FrameKind.done).number(1).number(1).number(0).end(),
    "a body cut short": (batch) => batch.begin(FrameKind.taken).byte(1).end(),
    "an address cut short": (batch) => batch.begin(FrameKind.broadcast).number(0).text("/").number(3).end(),
    "a control message that is no JSON": (batch) => batch.begin(FrameKind.control).text("{").end(),
    "a control message of no known type": (batch) => batch.begin(FrameKind.control).text('{"type":"drain"}').end(),
    "a control message that is null": (batch) => batch.begin(FrameKind.control).text("null").end(),
    "a control message too long to be one": (batch) =>
      batch
        .begin(FrameKind.control)
        .text(`{"type":"ready"${" ".repeat(300_000)}}`)
        .end(),
    "a length of 0": (batch) => batch.bytes(Buffer.alloc(4)),
    "a length of 2^32 - 1": (batch) => batch.bytes(Buffer.alloc(4, 0xff)),
  };

  test.each(Object.entries(garbage))("%s", async (_, encode) => {
    const { hub, workers } = start(3);
    const [a, b, c] = workers;
    for (const member of [a, b, c]) join(member, ["r"]);
    write(b, encode);
    await relayed();
    expect(b.ends).toEqual([expect.any(ProtocolError)]);
    expect(b.stream.destroyed).toBe(true);
    broadcast(a, ["r"], "still here");
    await relayed();
    expect([a.ends, c.ends, c.events]).toEqual([[], [], ["still here"]]);
    expect(hub.counters).toMatchObject({ switchLinks: 2, switchRooms: 1 });
  });

  test("anything before hello", async () => {
    const { hub } = start(0);
    const stranger = connect(hub);
    join(stranger, ["r"]);
    await relayed();
    expect(stranger.ends).toEqual([expect.any(ProtocolError)]);
    expect(stranger.told).toEqual([]);
  });

  test("a hello of another version", async () => {
    const { hub } = start(0);
    const stranger = connect(hub);
    greet(stranger, PROTOCOL_VERSION + 1);
    await relayed();
    expect(stranger.ends).toEqual([expect.any(ProtocolError)]);
    expect(stranger.told).toEqual([]);
  });

  test("random bytes, which throw nothing else and disturb nobody", async () => {
    const kinds = Object.values(FrameKind);
    const body = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    const frames = fc.array(fc.tuple(fc.constantFrom(...kinds), body), { minLength: 1, maxLength: 5 });
    const { hub, workers } = start(2);
    const [a, b] = workers;
    join(b, ["r"]);
    await fc.assert(
      fc.asyncProperty(frames, async (sent) => {
        const hostile = connect(hub);
        greet(hostile);
        for (const [kind, bytes] of sent) write(hostile, (batch) => batch.begin(kind).bytes(bytes).end());
        await relayed();
        for (const error of hostile.ends) expect(error).toBeInstanceOf(ProtocolError);
        hostile.stream.destroy();
        await relayed();
        expect(hub.counters).toMatchObject({ switchLinks: 2, switchNamespaces: 1, switchRooms: 1, switchRequests: 0 });
      }),
      { numRuns: 200 },
    );
    b.events.length = 0;
    broadcast(a, ["r"], "still here");
    await relayed();
    expect([a.ends, b.ends, b.events]).toEqual([[], [], ["still here"]]);
  });
});

test("a link that ends takes all that it told with it", async () => {
  const { hub, workers } = start(2);
  const [a, b] = workers;
  join(a, ["r", 1]);
  join(a, ["r"], "/x");
  join(b, ["r"]);
  request(a, 1, ["r"]);
  await relayed();
  a.stream.destroy();
  await relayed();
  expect(a.ends).toEqual([undefined]);
  expect(hub.counters).toMatchObject({ switchLinks: 1, switchNamespaces: 1, switchRooms: 1, switchRequests: 0 });
});

test("what it does not act on itself is handed to the listener, with the rest of a worker's word", async () => {
  const { workers } = start(1);
  const [a] = workers;
  write(a, (batch) => batch.begin(FrameKind.control).text('{"type":"ready"}').end());
  write(a, (batch) => batch.begin(FrameKind.taken).number(7).byte(0).end());
  write(a, (batch) => batch.begin(FrameKind.closed).numbers([3, 5]).end());
  write(a, (batch) => batch.begin(FrameKind.expected).text("::1").byte(1).end());
  await relayed();
  expect(a.told).toMatchObject([
    { type: "hello" },
    { type: "ready" },
    { taken: 7, found: false },
    { closed: [3, 5] },
    { address: "::1", more: true },
  ]);
  a.link.send({ type: "drain", withinMs: 5, reason: "stop", heirs: [] });
  await relayed();
  expect(a.answers).toEqual(['control {"type":"drain","withinMs":5,"reason":"stop","heirs":[]}']);
});

interface Asked {
  readonly responder: Worker;
  readonly id: number;
}

interface Worker {
  readonly stream: Duplex;
  readonly link: SwitchLink;
  /** What came addressed to its members. */
  readonly events: string[];
  readonly requests: number[];
  /** What came as an answer to itself. */
  readonly answers: string[];
  readonly told: (
    | WorkerMessage
    | { taken: number; found: boolean }
    | { closed: readonly number[] }
    | { address: string; more: boolean }
  )[];
  readonly ends: (Error | undefined)[];
  /** Set: it reads no more. */
  stuck: boolean;
}

type Four = [Worker, Worker, Worker, Worker];

function start(size: number, keeper?: Keeper): { hub: Switch; workers: Four } {
  const hub = new Switch(keeper);
  onTestFinished(() => hub.close());
  const workers = Array.from({ length: size }, () => connect(hub)) as Four;
  for (const worker of workers) greet(worker);
  return { hub, workers };
}

function connect(hub: Switch): Worker {
  const splitter = new FrameSplitter();
  const stream = new Duplex({
    read: () => {},
    write: (chunk, _encoding, written) => {
      if (worker.stuck) return;
      splitter.push(chunk, (frame) => onFrame(worker, frame));
      written();
    },
  });
  const told: Worker["told"] = [];
  const ends: Worker["ends"] = [];
  const link = hub.connect(stream, {
    onMessage: (message) => told.push(message),
    onTaken: (taken, found) => told.push({ taken, found }),
    onClosed: (closed) => told.push({ closed }),
    onExpected: (address, more) => told.push({ address, more }),
    onEnd: (error) => ends.push(error),
  });
  const worker: Worker = { stream, link, events: [], requests: [], answers: [], told, ends, stuck: false };
  return worker;
}

function onFrame(worker: Worker, frame: Buffer): void {
  const read = new FrameReader(frame);
  switch (kindOf(frame)) {
    case FrameKind.broadcast:
      read.number();
      read.address();
      return void worker.events.push(read.rest().toString());
    case FrameKind.run: {
      const { frames, packed } = readRun(frame);
      eachText(frames, (from, to) => worker.events.push(frames.toString("utf8", from, to)));
      expect(packed).toEqual([]);
      return;
    }
    case FrameKind.command:
      return void worker.events.push("a command");
    case FrameKind.request:
      return void worker.requests.push(read.number());
    case FrameKind.response:
      return void worker.answers.push(`response to ${read.number()}`);
    case FrameKind.done:
      return void worker.answers.push(`done ${read.number()}: ${read.number()} answered, ${read.number()} lost`);
    case FrameKind.refused:
      return void worker.answers.push(`refused ${read.number()}`);
    case FrameKind.control:
      return void worker.answers.push(`control ${read.text()}`);
  }
}

/** As the worker would write it; the switch reads it at once. */
function write(worker: Worker, encode: (batch: FrameBatch) => void): void {
  const batch = new FrameBatch();
  encode(batch);
  for (const piece of batch.take()) worker.stream.push(piece);
}

function greet(worker: Worker, version = PROTOCOL_VERSION): void {
  const hello = JSON.stringify({ type: "hello", version });
  write(worker, (batch) => batch.begin(FrameKind.control).text(hello).end());
}

function join(worker: Worker, rooms: RoomName[], namespace = "/"): void {
  write(worker, (batch) => batch.begin(FrameKind.join).text(namespace).rooms(rooms).end());
}

function broadcast(worker: Worker, rooms: RoomName[], text: string): void {
  const address = { namespace: "/", rooms, except: [] };
  write(worker, (batch) => batch.begin(FrameKind.broadcast).number(0).address(address).bytes(Buffer.from(text)).end());
}

function run(worker: Worker, rooms: RoomName[], texts: readonly string[], packed: readonly Buffer[] = []): void {
  const address = { namespace: "/", rooms, except: [] };
  write(worker, (batch) => writeRun(batch, { address, flags: 0 }, texts.map(textFrameOf), packed));
}

function command(worker: Worker, audience: Audience, rooms: RoomName[]): void {
  const address = { namespace: "/", rooms, except: [] };
  write(worker, (batch) => batch.begin(FrameKind.command).number(0).byte(audience).address(address).end());
}

function request(worker: Worker, id: number, rooms: RoomName[]): void {
  const address = { namespace: "/", rooms, except: [] };
  write(worker, (batch) => {
    batch
      .begin(FrameKind.request)
      .number(id)
      .number(0)
      .number(TIMEOUT_MS)
      .byte(Audience.members)
      .address(address)
      .end();
  });
}

function asked(responder: Worker): Asked[] {
  return responder.requests.map((id) => ({ responder, id }));
}

function respond(worker: Worker, id: number): void {
  write(worker, (batch) => batch.begin(FrameKind.response).number(id).byte(1).end());
}

/** What was read has been relayed: that takes the switch two polls, and the stream a tick. */
async function relayed(): Promise<void> {
  for (let i = 0; i < 5; i++) await nextPoll();
}
