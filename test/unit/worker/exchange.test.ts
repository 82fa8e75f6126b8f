import { describe, expect, test, vi } from "vitest";
import { Encoding, Verb } from "../../../src/protocol/content.js";
import {
  Audience,
  type DecodedAddress,
  FrameBatch,
  FrameKind,
  FrameReader,
  kindOf,
  MAX_FRAME_BYTES,
} from "../../../src/protocol/frame.js";
import { FrameSplitter } from "../../../src/protocol/frame-splitter.js";
import { encode } from "../../../src/worker/codec.js";
import { type Heard, NOTHING, readValue, type Saying, sayCommand, sayEvent } from "../../../src/worker/content.js";
import type { EventPart } from "../../../src/worker/event.js";
import { Exchange, type NamespaceServer, NO_ANSWER, type Respond } from "../../../src/worker/exchange.js";
import { Link, MAX_QUEUED_BYTES } from "../../../src/worker/link.js";
import { socketPair, startCluster } from "./cluster.js";

const EVERYBODY = { namespace: "/x", rooms: [], except: [] };
const TIMEOUT_MS = 5_000;

describe("a request", () => {
  test("gathers what the others answer", async () => {
    const { asking, answering } = await startThree();
    for (const [i, exchange] of answering.entries()) {
      exchange.open("/x", serving({ onRequest: (_, heard, respond) => respond([i, heardIn(heard)], true) }));
    }
    await expect.poll(() => asking.countOthers("/x")).toBe(2);
    const outcome = await ask(asking, { name: "q", bytes: Buffer.from("b") });
    expect(outcome.responses.sort()).toEqual([0, 1].map((i) => [i, { name: "q", bytes: Buffer.from("b") }]));
    expect(outcome.end).toBe("done");
  });

  test("may be answered many times by one, and not at all by another", async () => {
    const { asking, answering } = await startThree();
    const [talker, other] = answering;
    talker.open("/x", serving({ onRequest: (_, __, respond) => [1, 2, 3].map((i) => respond(i, i === 3)) }));
    other.open("/x", serving({ onRequest: (_, __, respond) => respond(NO_ANSWER, true) }));
    await expect.poll(() => asking.countOthers("/x")).toBe(2);
    expect(await ask(asking)).toEqual({ responses: [1, 2, 3], end: "done" });
  });

  test("is answered with what stands in for a value that has no encoding", async () => {
    const { asking, answering } = await startThree();
    const [one, other] = answering;
    const value: Record<string, unknown> = { greet: () => "hello" };
    value.self = value;
    one.open("/x", serving({ onRequest: (_, __, respond) => respond(value, true, () => "in its place") }));
    other.open("/x", serving({ onRequest: (_, __, respond) => respond(value, true, () => value) }));
    await expect.poll(() => asking.countOthers("/x")).toBe(2);
    const { responses, end } = await ask(asking);
    expect(responses).toHaveLength(2);
    expect(responses).toEqual(expect.arrayContaining(["in its place", undefined]));
    expect(end).toBe("done");
  });

  test("that cannot be encoded fails at once, and asks nobody", async () => {
    const { asking, answering } = await startThree();
    const onRequest = vi.fn();
    answering[0].open("/x", serving({ onRequest }));
    expect(await ask(asking, () => 1)).toMatchObject({ end: { code: "HOLDFAST_ENCODE_ERROR" } });
    expect(onRequest).not.toHaveBeenCalled();
  });

  test("has a deadline of its own", async () => {
    const { asking, answering, hub } = await startThree();
    let late: Respond | undefined;
    const hold = (respond: Respond) => {
      late = respond;
    };
    answering[0].open("/x", serving({ onRequest: (_, __, respond) => hold(respond) }));
    await expect.poll(() => asking.countOthers("/x")).toBe(1);
    expect(await ask(asking, "q", 50)).toEqual({ responses: [], end: "timeout" });
    await expect.poll(() => hub.counters.switchRequests).toBe(0);
    late?.("late", true);
    expect(await asking.countOthers("/x")).toBe(1);
  });

  test("to nobody is done at once", async () => {
    const { asking } = await startThree();
    expect(await ask(asking)).toEqual({ responses: [], end: "done" });
  });
});

describe("what cannot be read", () => {
  test("is dropped and counted, and a question among it is answered: nobody waits for it", async () => {
    const { exchange, send, answers, drops } = await startAlone();
    exchange.open("/x", serving({}));
    send((batch) => batch.begin(FrameKind.broadcast).number(1_000).end());
    send((batch) =>
      batch.begin(FrameKind.command).number(0).byte(Audience.namespace).address(EVERYBODY).bytes(JUNK).end(),
    );
    send((batch) => {
      const frame = batch.begin(FrameKind.request).number(5).number(0).number(1).byte(Audience.namespace);
      frame.address(EVERYBODY).bytes(JUNK).end();
    });
    await expect.poll(() => drops).toEqual(["unreadable-frame", "unreadable-frame", "unreadable-frame"]);
    await expect.poll(() => answers.at(-1)).toEqual({ kind: FrameKind.response, id: 5, last: 1, bytes: 0 });
  });

  test("does not keep a joining worker from telling that it has joined", async () => {
    const { send, answers } = await startAlone();
    send((batch) =>
      batch.begin(FrameKind.command).number(0).byte(Audience.joining).address(EVERYBODY).bytes(JUNK).end(),
    );
    await expect.poll(() => answers.map(({ kind }) => kind)).toEqual([FrameKind.joined]);
  });
});

test("what comes for a namespace that is not served here is passed over, and a question answered", async () => {
  const { exchange, send, answers, drops } = await startAlone();
  const server = serving({ onCommand: () => expect.unreachable() });
  exchange.open("/x", server);
  exchange.shut("/x", server);
  send((batch) => batch.begin(FrameKind.broadcast).number(0).address(EVERYBODY).byte(0).byte(0).number(0).end());
  send((batch) =>
    batch.begin(FrameKind.command).number(0).byte(Audience.namespace).address(EVERYBODY).bytes(SAID).end(),
  );
  send((batch) => {
    batch
      .begin(FrameKind.request)
      .number(5)
      .number(0)
      .number(1)
      .byte(Audience.namespace)
      .address(EVERYBODY)
      .bytes(SAID)
      .end();
  });
  await expect.poll(() => answers.at(-1)).toEqual({ kind: FrameKind.response, id: 5, last: 1, bytes: 0 });
  expect(drops).toEqual([]);
});

test("a namespace opened anew is not shut by the one that it has replaced", async () => {
  const { exchange, answers } = await startAlone();
  const [old, current] = [serving({}), serving({})];
  exchange.open("/x", old);
  exchange.open("/x", current);
  exchange.shut("/x", old);
  expect(exchange.serverOf("/x")).toBe(current);
  exchange.shut("/x", current);
  expect(exchange.serverOf("/x")).toBeUndefined();
  await expect.poll(() => answers.map(({ kind }) => kind)).toEqual([FrameKind.open, FrameKind.open, FrameKind.shut]);
});

test("a worker whose app has not loaded is not asked", async () => {
  const { exchange, answers } = await startAlone({ entered: false });
  const server = serving({});
  exchange.open("/x", server);
  broadcast(exchange, ["sent while loading"]);
  await expect.poll(() => answers).toEqual([{ kind: FrameKind.broadcast }]);
  exchange.enter();
  exchange.open("/y", server);
  await expect.poll(() => answers.map(({ kind }) => kind).slice(1)).toEqual([FrameKind.open, FrameKind.open]);
});

test("what an app's listener throws is the app's, and costs no other frame", async () => {
  const { exchange, send } = await startAlone();
  const commands: unknown[] = [];
  const thrown: unknown[] = [];
  const catching = (error: unknown) => thrown.push(error);
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException").on("uncaughtException", catching);
  exchange.open(
    "/x",
    serving({
      onCommand: (_, heard) => {
        const [command] = heardIn(heard) as unknown[];
        if (command === "bad") throw new Error("of the app");
        commands.push(command);
      },
    }),
  );
  for (const command of ["one", "bad", "two"]) {
    send((batch) => {
      const frame = batch.begin(FrameKind.command).number(0).byte(Audience.namespace).address(EVERYBODY);
      frame
        .byte(Verb.event)
        .byte(Encoding.own)
        .bytes(encode([command]))
        .end();
    });
  }
  await expect.poll(() => commands).toEqual(["one", "two"]);
  await expect.poll(() => thrown).toMatchObject([{ message: "of the app" }]);
  process.removeAllListeners("uncaughtException");
  for (const listener of others) process.on("uncaughtException", listener);
});

test("past the link's bound, events and questions are dropped and counted; who asks has an answer at once", async () => {
  const { exchange, peer, drops } = await startAlone();
  peer.pause();
  for (let i = 0; i < 5; i++) broadcast(exchange, [Buffer.alloc(MAX_QUEUED_BYTES / 4)]);
  broadcast(exchange, ["lost"]);
  exchange.command(Audience.namespace, EVERYBODY, say("lost"));
  expect(await ask(exchange)).toEqual({ responses: [], end: "done" });
  expect(drops).toEqual(["link-full-broadcast", "link-full-command", "link-full-request"]);
});

test("an event larger than the bound passes, and those behind it are not lost because of it", async () => {
  const { exchange, answers, drops } = await startAlone();
  broadcast(exchange, [Buffer.alloc(MAX_QUEUED_BYTES + 1)]);
  broadcast(exchange, ["small"]);
  broadcast(exchange, [Buffer.alloc(MAX_QUEUED_BYTES / 2)]);
  await expect.poll(() => answers).toHaveLength(3);
  expect(drops).toEqual([]);
});

test("what no frame can hold is dropped and counted here, where it would end the worker there", async () => {
  const { exchange, answers, drops } = await startAlone();
  broadcast(exchange, [Buffer.alloc(MAX_FRAME_BYTES)]);
  broadcast(exchange, ["small"]);
  await expect.poll(() => answers).toHaveLength(1);
  expect(drops).toEqual(["too-large-broadcast"]);
});

const JUNK = Buffer.from([Verb.event, Encoding.own, ...Buffer.from("no value")]);
const SAID = Buffer.concat([JUNK.subarray(0, 2), encode([1])]);

interface Outcome {
  readonly responses: unknown[];
  readonly end: unknown;
}

function ask(exchange: Exchange, question: unknown = "q", timeoutMs = TIMEOUT_MS): Promise<Outcome> {
  const responses: unknown[] = [];
  return new Promise((resolve) => {
    exchange.request(Audience.namespace, EVERYBODY, say(question), timeoutMs, {
      onResponse: (value) => responses.push(value),
      onDone: () => resolve({ responses, end: "done" }),
      onFailure: (end) => resolve({ responses, end }),
    });
  });
}

/** What the tests' servers hear is read, as adapters do. */
function serving(server: {
  onCommand?: (address: DecodedAddress, heard: Heard) => void;
  onRequest?: (address: DecodedAddress, heard: Heard, respond: Respond) => unknown;
}): NamespaceServer {
  const read = (_: DecodedAddress, heard: Heard) => void heardIn(heard);
  return { onBroadcast: () => {}, onTextRun: () => {}, onCommand: read, onRequest: read, ...server } as NamespaceServer;
}

function heardIn({ encoding, payload }: Heard): unknown {
  return readValue(encoding, payload);
}

function say(value: unknown): () => Saying {
  return () => sayCommand({ name: "event", args: value as unknown[] }, () => NOTHING);
}

function broadcast(exchange: Exchange, parts: EventPart[]): void {
  exchange.broadcast(EVERYBODY, sayEvent(parts, {}, NOTHING));
}

async function startThree() {
  const { hub, workers } = await startCluster();
  const [asking, ...answering] = workers.map(({ exchange }) => exchange) as [Exchange, Exchange, Exchange];
  return { hub, asking, answering };
}

interface Answer {
  readonly kind: number;
  readonly id?: number;
  readonly last?: number;
  readonly bytes?: number;
}

/** An exchange whose primary is the test. */
async function startAlone({ entered = true } = {}) {
  const { ours, theirs } = await socketPair();
  const drops: string[] = [];
  const exchange = new Exchange(new Link(ours), (reason) => drops.push(reason));
  if (entered) exchange.enter();
  const answers: Answer[] = [];
  const splitter = new FrameSplitter();
  theirs.on("data", (chunk: Buffer) => splitter.push(chunk, (frame) => answers.push(answerOf(frame))));
  const send = (write: (batch: FrameBatch) => void) => {
    const batch = new FrameBatch();
    write(batch);
    for (const piece of batch.take()) theirs.write(piece);
  };
  return { exchange, peer: theirs, send, answers, drops };
}

function answerOf(frame: Buffer): Answer {
  const kind = kindOf(frame);
  if (kind !== FrameKind.response) return { kind };
  const read = new FrameReader(frame);
  return { kind, id: read.number(), last: read.byte(), bytes: read.rest().length - 1 };
}
