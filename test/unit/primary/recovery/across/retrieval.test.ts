/** Sessions of other hosts for several clients at once, over a Redis of two streams and a hash. */
import { afterEach, describe, expect, test } from "vitest";
import { writeBatch } from "../../../../../src/primary/recovery/across/batch.js";
import { keysOf } from "../../../../../src/primary/recovery/across/key.js";
import { Late } from "../../../../../src/primary/recovery/across/late.js";
import { writeRecord } from "../../../../../src/primary/recovery/across/record.js";
import { Replica } from "../../../../../src/primary/recovery/across/replica.js";
import {
  Retrieval,
  type RetrievalParts,
  type Retrieved,
} from "../../../../../src/primary/recovery/across/retrieval.js";
import { Seal } from "../../../../../src/primary/recovery/across/seal.js";
import type { Command, Store } from "../../../../../src/primary/recovery/across/store.js";
import { type Entry, EventLog } from "../../../../../src/primary/recovery/event-log.js";
import type { Refusal } from "../../../../../src/primary/recovery/session.js";
import { formatCursor } from "../../../../../src/protocol/cursor.js";
import { FrameBatch, FrameKind, FrameReader } from "../../../../../src/protocol/frame.js";

const [US, THEM] = ["u".repeat(16), "t".repeat(16)];
const [FIRST, SECOND] = ["1".repeat(20), "2".repeat(20)];
const SENT = 9;
const LET_GO_AT = 7;
const START = { worker: "0.1", own: 0, shared: 0 };
const KEYS = keysOf("test");
const SEAL = new Seal(undefined);

/** Each number is its own event's. */
function eventOf(number: number): Entry {
  const frame = new FrameBatch()
    .begin(FrameKind.broadcast)
    .number(0)
    .address({ namespace: "/", rooms: [], except: [] });
  frame
    .byte(0)
    .byte(0)
    .bytes(Buffer.from([number]))
    .end();
  const what = { kind: "event", frame: Buffer.concat(frame.take()) } as const;
  return { worker: "1.1", own: number, shared: number, namespace: "/", rooms: [], what };
}

function numberOf(frame: Buffer): number {
  const read = new FrameReader(frame);
  read.number();
  read.address();
  read.byte();
  read.byte();
  return read.byte();
}

const batches: [Buffer, Buffer[]][] = Array.from({ length: SENT }, (_, i) => {
  const batch = { first: i + 1, sent: i, entries: [eventOf(i + 1)], vector: new Map(), workers: new Map() };
  return [Buffer.from(`${i + 1}-0`), [Buffer.from("b"), SEAL.close("", writeBatch(batch))]];
});

function recordOf(pid: string, since = START, letGoAt: number | "never" = LET_GO_AT): Buffer {
  const position = { since: START, base: since, start: since, confirmed: undefined, state: { ...START, shared: SENT } };
  const about = { epoch: "e", id: `id of ${pid}`, namespace: "/", parent: "", worker: "0.1", data: Buffer.alloc(0) };
  const release = letGoAt === "never" ? undefined : { at: letGoAt, vector: new Map() };
  const more = { rooms: new Map(), offsetBefore: "", ahead: new Map() };
  return SEAL.close("", writeRecord({ ...about, ...position, ...more, release }));
}

/** What stands there instead of a session that has been let go of. */
let rewritten: Buffer | undefined;
/** Whether Redis counts a subscriber of the other host's channel, and has its sign of life. */
let theirsIs = { heard: false, alive: false };
afterEach(() => {
  rewritten = undefined;
  theirsIs = { heard: false, alive: false };
});

/** That another has claimed whatever is claimed next. */
const claimed = new Set<string>();

function answer([name, key, first]: Command): unknown {
  if (name === "HKEYS") return [Buffer.from(US), Buffer.from(THEM)];
  if (name === "HEXISTS") return key === KEYS.sessions(THEM) ? 1 : 0;
  if (name === "EXISTS") return theirsIs.alive ? 1 : 0;
  if (name === "SET") return claimed.delete("once") ? null : "OK";
  if (name === "GET") return Buffer.from(US);
  if (name === "HGET") return rewritten ?? recordOf(String(first));
  if (name !== "XRANGE") throw new Error(`not expected: ${name}`);
  const after = Number(String(first).replace("(", "").split("-")[0]);
  const isPast = (number: number) => (String(first).startsWith("(") ? number > after : number >= after);
  return batches.filter(([id]) => isPast(Number.parseInt(id.toString(), 10)));
}

const askNobody = () => Promise.reject(new Error("it has been let go of"));

/** `onRead`: a stream is being read, and all that is done now is done before it has been. */
function retrievalHere(
  onRead: () => void = () => {},
  ask: RetrievalParts["ask"] = askNobody,
): {
  retrieval: Retrieval;
  own: EventLog;
  heard: Map<string, number>;
  late: Late;
} {
  const run = async (commands: readonly Command[]) => {
    if (commands[0]?.[0] === "XRANGE") {
      onRead();
      await new Promise(setImmediate);
    }
    return commands.map(answer);
  };
  const store = { uid: US, isReady: true, run, isThere: async () => theirsIs.heard } as Partial<Store> as Store;
  const shared = { store, keys: KEYS, seal: SEAL };
  const theirs = new Replica(THEM, { ...shared, maxBytes: 1_000_000, onRefused: () => {} });
  const [own, heard, late] = [new EventLog(), new Map<string, number>(), new Late()];
  const retrieval = new Retrieval({
    ...shared,
    own: { uid: US, log: own, heard },
    late,
    journal: { isWriting: true, also: () => {} },
    replica: () => theirs,
    ask,
    onRefusedRecord: () => {},
  });
  return { retrieval, own, heard, late };
}

function numbersOf(retrieved: Retrieved | Refusal | "here"): number[] | Refusal | "here" {
  if (typeof retrieved === "string") return retrieved;
  const arrived = retrieved.arrive();
  return typeof arrived === "string" ? arrived : arrived.events.map(({ frame }) => numberOf(frame));
}

test("a client that needs more than one that is just being read for takes nothing from that one", async () => {
  let onRead = () => {};
  const { retrieval } = retrievalHere(() => onRead());
  const retrieve = async (pid: string, shared: number) => {
    const offset = formatCursor("e", { worker: "0.1", own: 0, shared });
    return numbersOf(await retrieval.retrieve({ pid, namespace: "/", offset }));
  };
  const second = new Promise((resolve) => {
    onRead = () => {
      onRead = () => {};
      resolve(retrieve(SECOND, 2));
    };
  });
  expect(await retrieve(FIRST, 6)).toEqual([7, 8, 9]);
  expect(await second).toEqual([3, 4, 5, 6, 7, 8, 9]);
});

test("a client that was not let in at first gets all again, also what has come here meanwhile", async () => {
  const { retrieval, own, heard, late } = retrievalHere();
  const offset = formatCursor("e", { worker: "0.1", own: 0, shared: 6 });
  const retrieve = async () => (await retrieval.retrieve({ pid: FIRST, namespace: "/", offset })) as Retrieved;
  const retrieved = await retrieve();
  expect(numbersOf(retrieved)).toEqual([7, 8, 9]);
  retrieved.giveUp();
  const origin = { host: THEM, number: 8 };
  const had = late.exceptFor(origin, "/");
  expect(had).toEqual([`id of ${FIRST}`]);
  heard.set(THEM, 8);
  own.append({ ...eventOf(8), worker: "", own: 1, origin, had }, 0);
  expect(numbersOf(await retrieve())).toEqual([7, 8, 9]);
});

test("a client whose first attempt is still under way waits for the end of that", async () => {
  const { retrieval } = retrievalHere();
  claimed.add("once");
  const offset = formatCursor("e", { worker: "0.1", own: 0, shared: 6 });
  expect(numbersOf(await retrieval.retrieve({ pid: FIRST, namespace: "/", offset }))).toEqual([7, 8, 9]);
});

test("what its host had heard of others is not to come again, also where there was nothing to be read of them", async () => {
  rewritten = recordOf(FIRST, { ...START, shared: SENT }, SENT);
  const { retrieval, heard, late } = retrievalHere();
  heard.set(THEM, SENT - 1);
  const offset = formatCursor("e", { worker: "0.1", own: 0, shared: SENT });
  const retrieved = (await retrieval.retrieve({ pid: FIRST, namespace: "/", offset })) as Retrieved;
  expect(retrieved.arrive()).toMatchObject({ events: [], ahead: new Map([[THEM, SENT]]) });
  expect(late.exceptFor({ host: THEM, number: SENT }, "/")).toEqual([`id of ${FIRST}`]);
});

describe("a host that is taken for dead", () => {
  const at = (shared: number, isReleased: boolean) =>
    recordOf(FIRST, { ...START, shared }, isReleased ? LET_GO_AT : "never");
  // Its cursor is of a worker that only the later record knows of.
  const wanted = { pid: FIRST, namespace: "/", offset: formatCursor("e", { worker: "1.1", own: 0, shared: 6 }) };

  test("is asked if it turns out to be back while its stream is read", async () => {
    rewritten = at(3, false);
    const asked: string[] = [];
    const onRead = () => {
      theirsIs = { heard: true, alive: true };
    };
    const { retrieval } = retrievalHere(onRead, async (owner) => {
      asked.push(owner);
      rewritten = at(6, true);
      return undefined;
    });
    expect(numbersOf(await retrieval.retrieve(wanted))).toEqual([7, 8, 9]);
    expect(asked).toEqual([THEM]);
  });

  test("is read once more, and not asked, where it has written meanwhile", async () => {
    rewritten = at(3, false);
    const { retrieval } = retrievalHere(() => {
      rewritten = at(6, false);
    });
    expect(numbersOf(await retrieval.retrieve(wanted))).toEqual([7, 8, 9]);
  });

  test("is given up where it writes each time that it is read", async () => {
    let shared = 3;
    rewritten = at(shared, false);
    const { retrieval } = retrievalHere(() => {
      rewritten = at(++shared, false);
    });
    expect(await retrieval.retrieve({ ...wanted, offset: undefined })).toBe("unreachable");
  });

  test("may be one that Redis still hears for, as it vanished with its machine", async () => {
    rewritten = at(6, false);
    theirsIs = { heard: true, alive: false };
    const { retrieval } = retrievalHere();
    expect(numbersOf(await retrieval.retrieve(wanted))).toEqual([7, 8, 9]);
  });
});
