// A client whose cursor is another host's: whether its session is still this host's is for Redis to say.
import { expect, test } from "vitest";
import type { Retrieved } from "../../../../src/primary/recovery/across/retrieval.js";
import { EventLog } from "../../../../src/primary/recovery/event-log.js";
import { type Elsewhere, RestoreDesk } from "../../../../src/primary/recovery/restore-desk.js";
import type { Refusal, Session } from "../../../../src/primary/recovery/session.js";
import { SessionTable } from "../../../../src/primary/recovery/session-table.js";
import { FrameBatch, FrameReader, kindOf } from "../../../../src/protocol/frame.js";
import { FrameSplitter } from "../../../../src/protocol/frame-splitter.js";
import { RecoveryKind } from "../../../../src/protocol/recovery-frame.js";

const ELSEWHERE = "other~0.1~5~6";
const START = { worker: "0.1", own: 0, shared: 0 };

test.each([
  ["is given back when no other host has it", "here", "given"],
  ["is not when that cannot be known, and stays", "unreachable", "unreachable"],
  ["is not when Redis knows nothing of it, and stays", "unknown", "unknown"],
] as const)("a session %s", async (_, said, told) => {
  const { ask, sessions } = start(said);
  expect(await ask(ELSEWHERE)).toBe(told);
  expect(sessions.size).toBe(1);
});

test("a session that another host has is cut here, and comes from there", async () => {
  const { ask, sessions, session, fenced } = start(retrieved(), { connected: true });
  expect(await ask(ELSEWHERE)).toBe("given");
  expect(sessions.find("ada")).toBeUndefined();
  expect(fenced()).toBe(session.number);
});

test("who says what it said when it came, or a cursor of this host, is not looked for elsewhere", async () => {
  for (const offset of [ELSEWHERE, "here~0.1~0~0", undefined]) {
    const { ask, asked } = start("unreachable", { offsetBefore: ELSEWHERE });
    expect(await ask(offset)).toBe("given");
    expect(asked).toEqual([]);
  }
});

test("on a host that is alone nobody else can have it", async () => {
  const { ask } = start(undefined);
  expect(await ask(ELSEWHERE)).toBe("given");
});

interface Options {
  readonly connected?: boolean;
  readonly offsetBefore?: string;
}

class Worker {
  readonly own = 0;
  readonly queuedBytes = 0;
  readonly #batch = new FrameBatch();
  readonly frames: Buffer[] = [];
  readonly #splitter = new FrameSplitter();

  constructor(readonly name: string) {}

  frame(kind: number): FrameBatch {
    return this.#batch.begin(kind);
  }

  flush(): void {
    this.#splitter.push(Buffer.concat(this.#batch.take()), (frame) => this.frames.push(Buffer.from(frame)));
  }

  expectJoins(): void {}
}

/** A desk with one session, of "ada"; `ask` resolves with what her new worker is told. */
function start(said: Retrieved | Refusal | "here" | undefined, { connected = false, offsetBefore = "" }: Options = {}) {
  const [old, fresh] = [new Worker("0.1"), new Worker("1.1")];
  const sessions = new SessionTable<Worker>();
  const session = sessionOf(old, offsetBefore);
  sessions.add(session);
  if (!connected) sessions.leave(session, START, performance.now());
  const asked: unknown[] = [];
  const elsewhere: Elsewhere = {
    retrieve: (wanted) => {
      asked.push(wanted);
      return Promise.resolve(said as Retrieved | Refusal | "here");
    },
    release: () => false,
  };
  const desk = new RestoreDesk<Worker>({
    ...{ epoch: "here", log: new EventLog(), sessions },
    windowMs: () => 60_000,
    isThere: () => true,
    elsewhere: () => (said === undefined ? undefined : elsewhere),
  });
  const ask = async (offset: string | undefined) => {
    desk.ask(fresh, { id: 1, namespace: "/", pid: "ada", offset }, performance.now());
    await expect.poll(() => answerOf(fresh)).toBeDefined();
    desk.close();
    return answerOf(fresh);
  };
  const fenced = () => old.frames.filter((frame) => kindOf(frame) === RecoveryKind.fence).map(readNumber)[0];
  return { ask, asked, sessions, session, fenced };
}

function answerOf({ frames }: Worker): string | undefined {
  const answer = frames.find((frame) => kindOf(frame) === RecoveryKind.restored);
  if (!answer) return undefined;
  const read = new FrameReader(answer);
  read.number();
  return read.byte() === 1 ? "given" : read.text();
}

function readNumber(frame: Buffer): number {
  return new FrameReader(frame).number();
}

function about(offsetBefore: string) {
  const position = { since: START, base: START, start: START, confirmed: undefined, offsetBefore };
  return { id: "id", namespace: "/", parent: "", data: Buffer.alloc(0), ahead: new Map<string, number>(), ...position };
}

function sessionOf(holder: Worker, offsetBefore: string): Session<Worker> {
  const more = { pid: "ada", holder, number: 7, rooms: new Map(), resumedAtMs: undefined, away: undefined };
  return { ...about(offsetBefore), ...more };
}

function retrieved(): Retrieved {
  const record = { ...about(""), epoch: "other", worker: "0.1", rooms: new Map(), state: START, release: undefined };
  const arrive = () => ({ rooms: [], events: [], ahead: new Map<string, number>() });
  return { record, arrive, keep: () => {}, giveUp: () => {} };
}
