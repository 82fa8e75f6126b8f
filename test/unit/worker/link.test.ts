import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { FrameBatch, FrameKind, FrameReader, kindOf, type RoomName } from "../../../src/protocol/frame.js";
import { FrameSplitter } from "../../../src/protocol/frame-splitter.js";
import { MAX_RUN_BYTES, readRun } from "../../../src/protocol/run.js";
import { eachText, textFrameOf } from "../../../src/protocol/text-frame.js";
import { Link } from "../../../src/worker/link.js";
import { socketPair } from "./cluster.js";

/** More than the kernel takes for a socket that is not read. */
const KERNEL_FILLS_BYTES = 8 * 1024 * 1024;

describe("room changes", () => {
  test("are in the kernel when the link is asked whether it is behind", async () => {
    const { link, frames } = await start();
    link.urgentFrame(FrameKind.join).text("/").rooms(["r"]).end();
    expect(link.behind).toBe(false);
    await expect.poll(() => frames).toEqual([FrameKind.join]);
  });

  test("leave the link behind while what goes before them does not fit into the kernel", async () => {
    const { link, peer, frames } = await start();
    peer.pause();
    fill(link);
    link.urgentFrame(FrameKind.join).text("/").rooms(["r"]).end();
    expect(link.behind).toBe(true);
    const caughtUp = new Promise<void>((resolve) => link.whenCaughtUp(resolve));
    peer.resume();
    await caughtUp;
    expect(link.behind).toBe(false);
    await expect.poll(() => frames).toEqual([FrameKind.broadcast, FrameKind.join]);
  });

  test("do not wait for what was sent after them", async () => {
    const { link, peer } = await start();
    peer.pause();
    fill(link);
    link.urgentFrame(FrameKind.join).text("/").rooms(["r"]).end();
    expect(link.behind).toBe(true);
    let refills = 0;
    // A link that is never empty: whenever some has left, more is put on.
    const refill = setInterval(() => refills++ < 50 && fill(link), 1);
    const caughtUp = new Promise<void>((resolve) => link.whenCaughtUp(resolve));
    peer.resume();
    await caughtUp;
    expect(link.queuedBytes).toBeGreaterThan(0);
    expect(link.behind).toBe(false);
    clearInterval(refill);
  });

  test("of other kinds do not leave it behind", async () => {
    const { link, peer } = await start();
    peer.pause();
    fill(link);
    await nextTurn();
    expect(link.queuedBytes).toBeGreaterThan(0);
    expect(link.behind).toBe(false);
  });
});

test("the frames of a tick arrive in order, in one write", async () => {
  const { link, peer, frames } = await start();
  let chunks = 0;
  peer.on("data", () => chunks++);
  link.frame(FrameKind.leave).text("/").rooms(["r"]).end();
  link.urgentFrame(FrameKind.join).text("/").rooms(["s"]).end();
  link.frame(FrameKind.cancel).number(1).end();
  await expect.poll(() => frames).toEqual([FrameKind.leave, FrameKind.join, FrameKind.cancel]);
  expect(chunks).toBe(1);
});

test("events to one address leave as one frame, up to whatever else is sent", async () => {
  const { link, peer, frames } = await start();
  const texts: string[][] = [];
  onFrames(peer, (frame) => {
    if (kindOf(frame) !== FrameKind.run) return;
    const run = readRun(frame);
    const ofRun: string[] = [];
    eachText(run.frames, (from, to) => ofRun.push(run.frames.toString("utf8", from, to)));
    texts.push([...ofRun, ...run.packed.map(String)]);
  });
  const to = (...rooms: RoomName[]) => ({ namespace: "/", rooms: new Set(rooms), except: [] });
  const event = (text: string, packed?: string) => ({
    frame: textFrameOf(text),
    packed: packed === undefined ? undefined : Buffer.from(packed),
  });
  link.gather(to(), 0, event("a", "p"));
  link.gather(to(), 0, event("b", ""));
  link.gather(to(), 1, event("c"));
  link.gather(to("r"), 1, event("d"));
  link.gather(to("r", "s"), 1, event("e"));
  link.gather({ ...to("r", "s"), except: ["x"] }, 1, event("f"));
  link.frame(FrameKind.cancel).number(1).end();
  link.gather({ ...to("r", "s"), except: ["x"] }, 1, event("g"));
  link.gather({ ...to("r", "s"), except: ["x"], namespace: "/n" }, 1, event("h"));
  await expect.poll(() => texts).toEqual([["a", "b", "p", ""], ["c"], ["d"], ["e"], ["f"], ["g"], ["h"]]);
  expect(frames.indexOf(FrameKind.cancel)).toBe(5);
});

test("a run is not gathered without end", async () => {
  const { link, frames } = await start();
  const event = { frame: textFrameOf("x".repeat(MAX_RUN_BYTES / 4)), packed: undefined };
  for (let i = 0; i < 9; i++) link.gather({ namespace: "/", rooms: [], except: [] }, 0, event);
  await expect.poll(() => frames).toEqual([FrameKind.run, FrameKind.run, FrameKind.run]);
});

test("a worker's word for a hand-off is in the kernel when it has been given", async () => {
  const { link } = await start();
  link.taken(7, true);
  expect(link.queuedBytes).toBe(0);
});

test("a client that will open more connections is told of at once", async () => {
  const { link, peer } = await start();
  const told: unknown[] = [];
  onFrames(peer, (frame) => {
    const read = new FrameReader(frame);
    told.push([kindOf(frame), read.text(), read.byte()]);
  });
  link.expected("::1", true);
  expect(link.queuedBytes).toBe(0);
  link.expected("::1", false);
  await expect
    .poll(() => told)
    .toEqual([
      [FrameKind.expected, "::1", 1],
      [FrameKind.expected, "::1", 0],
    ]);
});

test("connections that close in one turn are told together", async () => {
  const { link, peer } = await start();
  const told: number[][] = [];
  onFrames(peer, (frame) => told.push(new FrameReader(frame).numbers()));
  for (const sequence of [7, 5, 6]) link.connectionClosed(sequence);
  await expect.poll(() => told).toEqual([[7, 5, 6]]);
  link.connectionClosed(9);
  await expect.poll(() => told).toEqual([[7, 5, 6], [9]]);
});

test("what comes is handed on: the primary's own messages as such, the rest as frames", async () => {
  const { link, peer } = await start();
  const came: unknown[] = [];
  link.onMessage = (message) => came.push(message);
  link.onFrames = (frames) => came.push(...frames.map(kindOf));
  const batch = new FrameBatch();
  batch.begin(FrameKind.control).text('{"type":"drain","withinMs":5,"reason":"stop","heirs":[]}').end();
  batch.begin(FrameKind.control).text('{"type":"of another version"}').end();
  batch.begin(FrameKind.done).number(1).number(0).number(0).end();
  for (const piece of batch.take()) peer.write(piece);
  await expect.poll(() => came).toEqual([{ type: "drain", withinMs: 5, reason: "stop", heirs: [] }, FrameKind.done]);
});

test("the end of the primary is told, and writing after it does no harm", async () => {
  const { link, peer } = await start();
  const ended = new Promise<void>((resolve) => {
    link.onEnd = resolve;
  });
  peer.destroy();
  await ended;
  link.send({ type: "ready" });
  link.taken(1, true);
});

interface Ends {
  readonly link: Link;
  readonly peer: Socket;
  /** The kinds of what the primary has read. */
  readonly frames: number[];
}

async function start(): Promise<Ends> {
  const { ours, theirs } = await socketPair();
  const frames: number[] = [];
  onFrames(theirs, (frame) => frames.push(kindOf(frame)));
  return { link: new Link(ours), peer: theirs, frames };
}

function onFrames(socket: Socket, onFrame: (frame: Buffer) => void): void {
  const splitter = new FrameSplitter();
  socket.on("data", (chunk: Buffer) => splitter.push(chunk, onFrame));
}

function fill(link: Link): void {
  link.frame(FrameKind.broadcast).bytes(Buffer.alloc(KERNEL_FILLS_BYTES)).end();
}
