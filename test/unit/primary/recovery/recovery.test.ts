import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Recovery } from "../../../../src/primary/recovery/recovery.js";
import { ANSWER_WITHIN_MS } from "../../../../src/primary/recovery/restore-desk.js";
import type { WorkerKeeping } from "../../../../src/primary/recovery/worker-end.js";
import { FrameBatch, FrameKind, FrameReader, kindOf, ProtocolError } from "../../../../src/protocol/frame.js";
import { FrameSplitter } from "../../../../src/protocol/frame-splitter.js";
import { RecoveryKind, type Restored, readRestored } from "../../../../src/protocol/recovery-frame.js";

const WINDOW_MS = 10_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A worker at its link's other end: what it says is heard at once, and what it is told can be read. */
class Worker {
  readonly #keeping: WorkerKeeping;
  readonly #batch = new FrameBatch();
  readonly expected: string[] = [];
  queuedBytes = 0;
  own = 0;

  constructor(
    readonly recovery: Recovery,
    readonly name: string,
  ) {
    const queuedBytes = () => this.queuedBytes;
    this.#keeping = recovery.connect({
      name,
      frame: (kind) => this.#batch.begin(kind),
      flush: () => {},
      expectJoins: (namespace) => this.expected.push(namespace),
      get queuedBytes() {
        return queuedBytes();
      },
    });
  }

  say(kind: number, write: (frame: FrameBatch) => unknown = () => {}, readAt = this.recovery.last): void {
    for (const frame of framesOf((batch) => write(batch.begin(kind)))) this.#keeping.onFrame(frame, readAt);
  }

  begin(): this {
    this.say(RecoveryKind.on, (frame) => frame.count(WINDOW_MS));
    this.told();
    return this;
  }

  open(session: number, pid: string, rooms = ["r"], offset = ""): void {
    this.say(RecoveryKind.open, (frame) => {
      frame
        .number(session)
        .text("/")
        .text("")
        .text(pid)
        .text(`id of ${pid}`)
        .text(offset)
        .count(this.own)
        .count(this.recovery.last)
        .number(rooms.length);
      for (const room of rooms) frame.byte(1).room(room);
    });
  }

  /** An event to a room; its number. */
  emit(room: string): number {
    this.own++;
    this.say(RecoveryKind.numbered);
    const [frame] = framesOf((batch) =>
      batch
        .begin(FrameKind.broadcast)
        .number(0)
        .address({ namespace: "/", rooms: [room], except: [] }),
    );
    return this.#keeping.onBroadcast(frame as Buffer, "/", [room]) as number;
  }

  ask(request: number, pid: string, offset?: string): void {
    this.say(RecoveryKind.restore, (frame) => {
      frame
        .number(request)
        .text("/")
        .text(pid)
        .byte(offset === undefined ? 0 : 1);
      if (offset !== undefined) frame.text(offset);
    });
  }

  away(session: number): void {
    this.say(RecoveryKind.away, (frame) => frame.number(session).count(this.recovery.last));
  }

  resume(request: number, session: number): void {
    this.say(RecoveryKind.resumed, (frame) => frame.number(request).number(session).rooms([]).number(0));
  }

  release(request: number): void {
    this.say(RecoveryKind.released, (frame) => frame.number(request));
  }

  die(): void {
    this.#keeping.onGone();
  }

  told(): Buffer[] {
    return split(this.#batch);
  }

  /** By request, what was answered since it was asked last: a session, or why not. */
  answers(): Map<number, Restored | string> {
    const answers = new Map<number, Restored | string>();
    for (const frame of this.told()) {
      if (kindOf(frame) !== RecoveryKind.restored) continue;
      const read = new FrameReader(frame);
      const request = read.number();
      answers.set(request, read.byte() === 1 ? readRestored(read) : read.text());
    }
    return answers;
  }
}

function framesOf(write: (batch: FrameBatch) => unknown): Buffer[] {
  const batch = new FrameBatch();
  write(batch);
  batch.end();
  return split(batch);
}

function split(batch: FrameBatch): Buffer[] {
  const frames: Buffer[] = [];
  new FrameSplitter().push(Buffer.concat(batch.take()), (frame) => frames.push(Buffer.from(frame)));
  return frames;
}

/** As the uplink writes what another host has sent. */
function foreignEvent(room: string): Buffer {
  const address = { namespace: "/", rooms: [room], except: [] };
  const [frame] = framesOf((batch) => batch.begin(FrameKind.broadcast).number(0).address(address).byte(0).byte(0));
  return frame as Buffer;
}

function start(bufferBytes = 1_000_000): { recovery: Recovery; a: Worker; b: Worker } {
  const recovery = new Recovery({ epoch: "e", bufferBytes });
  return { recovery, a: new Worker(recovery, "0.1").begin(), b: new Worker(recovery, "1.1").begin() };
}

function numbersOf(answer: Restored | string | undefined): number[] | string | undefined {
  return typeof answer === "object" ? answer.events.map(({ shared }) => shared) : answer;
}

describe("a session whose worker has died", () => {
  test("is given to another with what it missed, and that one gets all of the namespace until it says more", () => {
    const { recovery, a, b } = start();
    a.open(1, "ada");
    expect([b.emit("r"), b.emit("s"), a.emit("r")]).toEqual([1, 2, 3]);
    a.die();
    b.ask(7, "ada");
    const answer = b.answers().get(7) as Restored;
    expect(answer).toMatchObject({ id: "id of ada", rooms: ["r"], own: 2, shared: 3, worker: "0.1" });
    expect(numbersOf(answer)).toEqual([1, 3]);
    expect(b.expected).toEqual(["/"]);
    b.resume(7, 1);
    expect(recovery.status).toMatchObject({ mode: "host", sessions: 1, entries: 3 });
    expect(recovery.counters).toMatchObject({ recoveryRecovered: 1, recoveryReplayed: 2, recoveryClaims: 0 });
  });

  test("is given to a client that says what it said when it came, having had no event since", () => {
    const { recovery, a, b } = start();
    const c = new Worker(recovery, "2.1").begin();
    const elsewhere = "f~0.1~5~6";
    a.open(1, "ada", ["r"], elsewhere);
    a.die();
    b.emit("r");
    b.ask(1, "ada", elsewhere);
    expect(numbersOf(b.answers().get(1))).toEqual([1]);
    b.resume(1, 5);
    b.away(5);
    c.ask(1, "ada", elsewhere);
    expect(numbersOf(c.answers().get(1))).toEqual([1]);
  });

  test("is lost to nobody when the next one dies before it has let the client in", () => {
    const { recovery, a, b } = start();
    const c = new Worker(recovery, "2.1").begin();
    a.open(1, "ada");
    b.emit("r");
    a.die();
    b.ask(1, "ada");
    c.ask(9, "ada");
    expect(c.answers().size).toBe(0);
    b.die();
    expect(numbersOf(c.answers().get(9))).toEqual([1]);
  });

  test("is free again when its client was not let in", () => {
    const { a, b } = start();
    a.open(1, "ada");
    a.die();
    b.ask(1, "ada");
    b.release(1);
    b.ask(2, "ada");
    expect([...b.answers().keys()]).toEqual([1, 2]);
  });

  test("goes to the first who asks; who asks at the same time, or just behind, waits for its end and then gets none", () => {
    const { a, b } = start();
    a.open(1, "ada");
    a.die();
    b.ask(1, "ada");
    b.ask(2, "ada");
    b.resume(1, 5);
    b.ask(3, "ada");
    vi.advanceTimersByTime(ANSWER_WITHIN_MS / 2);
    expect([...b.answers().keys()]).toEqual([1]);
    vi.advanceTimersByTime(ANSWER_WITHIN_MS / 2 + 100);
    expect([...b.answers()]).toEqual([
      [2, "taken"],
      [3, "taken"],
    ]);
  });

  test("goes to the same client's next attempt when the connection it was given to breaks at once", () => {
    const { recovery, a, b } = start();
    a.open(1, "ada");
    a.emit("r");
    a.die();
    b.ask(1, "ada");
    b.ask(2, "ada");
    b.resume(1, 5);
    expect(b.answers().size).toBe(1);
    b.away(5);
    expect(numbersOf(b.answers().get(2))).toEqual([1]);
    b.resume(2, 6);
    b.ask(3, "ada");
    b.away(6);
    expect(numbersOf(b.answers().get(3))).toEqual([1]);
    b.resume(3, 7);
    vi.advanceTimersByTime(2 * ANSWER_WITHIN_MS);
    expect(b.answers().size).toBe(0);
    expect(recovery.counters).toMatchObject({ recoveryRecovered: 3, recoveryClaims: 0 });
  });

  test("that was disconnected on purpose is told at once to who has waited for it", () => {
    const { a, b } = start();
    a.open(1, "ada");
    a.die();
    b.ask(1, "ada");
    b.resume(1, 5);
    b.ask(2, "ada");
    b.say(RecoveryKind.end, (frame) => frame.number(5));
    expect(b.answers().get(2)).toBe("unknown");
  });
});

describe("a session that is still connected", () => {
  test("is closed by its worker first, and the answer covers all that this one had to say", () => {
    const { a, b } = start();
    a.open(3, "ada");
    b.ask(1, "ada");
    expect(b.answers().size).toBe(0);
    const [fence] = a.told().filter((frame) => kindOf(frame) === RecoveryKind.fence);
    expect(new FrameReader(fence as Buffer).number()).toBe(3);
    a.emit("r");
    a.away(3);
    expect(numbersOf(b.answers().get(1))).toEqual([1]);
    b.resume(1, 8);
    // The old worker says more of a session that it has no longer.
    a.say(RecoveryKind.end, (frame) => frame.number(3));
    b.away(8);
    b.ask(2, "ada");
    expect(typeof b.answers().get(2)).toBe("object");
  });

  test("is ended for who waits for it when it is disconnected on purpose", () => {
    const { a, b } = start();
    a.open(3, "ada");
    b.ask(1, "ada");
    a.say(RecoveryKind.end, (frame) => frame.number(3));
    expect(b.answers().get(1)).toBe("ended");
  });

  test("is not waited for longer than a while", () => {
    const { recovery, a, b } = start();
    a.open(3, "ada");
    b.ask(1, "ada");
    b.ask(2, "ada");
    vi.advanceTimersByTime(ANSWER_WITHIN_MS + 100);
    expect([...b.answers().entries()].sort()).toEqual([
      [1, "timeout"],
      [2, "timeout"],
    ]);
    expect(recovery.counters.recoveryClaims).toBe(0);
    a.away(3);
    b.ask(4, "ada");
    expect(typeof b.answers().get(4)).toBe("object");
  });
});

describe("what is kept", () => {
  test("goes on being kept while there is no worker: other hosts speak to who may come back", () => {
    const { recovery, a, b } = start();
    a.open(1, "ada");
    a.die();
    b.die();
    expect(recovery.windowMs).toBe(WINDOW_MS);
    const number = recovery.foreign.onBroadcast(foreignEvent("r"), "/", ["r"]);
    // A worker that is still loading its app has not said that sessions can return to it.
    new Worker(recovery, "0.2").die();
    recovery.foreign.onBroadcast(foreignEvent("r"), "/", ["r"]);
    const c = new Worker(recovery, "1.2").begin();
    c.ask(1, "ada");
    expect(numbersOf(c.answers().get(1))).toEqual([number, (number as number) + 1]);
    c.resume(1, 2);
    c.say(RecoveryKind.end, (frame) => frame.number(2));
    c.die();
    expect(recovery.windowMs).toBe(0);
  });

  test("is forgotten in time", () => {
    const { recovery, a, b } = start();
    a.open(1, "ada");
    a.emit("r");
    a.away(1);
    vi.advanceTimersByTime(WINDOW_MS + 2_000);
    expect(recovery.status).toMatchObject({ entries: 0, sessions: 0, bytes: 0 });
    b.ask(1, "ada");
    expect(b.answers().get(1)).toBe("unknown");
  });

  test("stays within its bytes: first events go, then who is away the longest", () => {
    const { recovery, a, b } = start(20_000);
    for (let i = 0; i < 20; i++) {
      a.open(i, `pid ${i}`);
      a.away(i);
    }
    expect(recovery.status.sessions).toBe(20);
    for (let i = 0; i < 100; i++) a.emit("r");
    expect(recovery.status.bytes).toBeLessThanOrEqual(20_000);
    expect(recovery.counters.recoveryEntriesDropped).toBeGreaterThan(50);
    for (let i = 100; i < 120; i++) a.open(i, `pid ${i}`);
    a.emit("r");
    expect(recovery.status.sessions).toBeLessThan(40);
    expect(recovery.counters.recoverySessionsDropped).toBeGreaterThan(0);
    b.ask(1, "pid 0");
    expect(b.answers().get(1)).toBe("unknown");
  });

  test("waits while the asking worker's link is behind", () => {
    const { a, b } = start();
    a.open(1, "ada");
    a.die();
    b.queuedBytes = 10_000_000;
    b.ask(1, "ada");
    expect(b.answers().size).toBe(0);
    b.queuedBytes = 0;
    vi.advanceTimersByTime(50);
    expect(typeof b.answers().get(1)).toBe("object");
  });

  test("is told to quiet workers, so that their clients' cursors name what has passed", () => {
    const { a, b } = start();
    a.emit("r");
    b.told();
    vi.advanceTimersByTime(1_100);
    const reached = b.told().filter((frame) => kindOf(frame) === RecoveryKind.reached);
    expect(reached.map((frame) => new FrameReader(frame).count())).toEqual([1]);
    vi.advanceTimersByTime(5_000);
    expect(b.told()).toEqual([]);
  });

  test("is nothing while no worker has recovery on, and a broadcast has no number then", () => {
    const recovery = new Recovery({ epoch: "e", bufferBytes: 1_000 });
    const worker = new Worker(recovery, "0.1");
    expect(recovery.status).toEqual({ mode: "off", entries: 0, bytes: 0, sessions: 0 });
    expect(recovery.counters).toEqual({});
    expect(() => worker.open(1, "ada")).toThrow(ProtocolError);
  });
});

test("a worker that says what no worker says is found out", () => {
  const { a } = start();
  a.open(1, "ada");
  expect(() => a.open(1, "bob")).toThrow(ProtocolError);
  expect(() => a.say(RecoveryKind.fence, (frame) => frame.number(1))).toThrow(ProtocolError);
  expect(() => a.say(RecoveryKind.changed, (frame) => frame.count(999))).toThrow(ProtocolError);
  expect(() => a.say(RecoveryKind.open)).toThrow(ProtocolError);
});
