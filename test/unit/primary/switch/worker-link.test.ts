import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { MAX_QUEUED_BYTES, WorkerLink } from "../../../../src/primary/switch/worker-link.js";
import { FrameBatch, FrameKind, ProtocolError } from "../../../../src/protocol/frame.js";
import { socketPair } from "../../worker/cluster.js";

describe("what a worker has written before it died is read", () => {
  test("to its end", async () => {
    const { worker, frames, ends } = await start();
    write(worker, 3);
    worker.destroy();
    await expect.poll(() => ends).toEqual([undefined]);
    expect(frames).toHaveLength(3);
  });

  test("also when the primary has found out by writing to it", async () => {
    const { worker, link, frames, ends } = await start();
    worker.pause();
    link.relay(frame());
    link.flush();
    write(worker, 3);
    worker.destroy();
    link.relay(frame());
    link.flush();
    await expect.poll(() => ends).toEqual([undefined]);
    expect(frames).toHaveLength(3);
  });

  test("also when much was waiting to be written to it", async () => {
    const { worker, link, frames, ends } = await start();
    worker.pause();
    for (let i = 0; i < 50; i++) {
      link.relay(frame(100_000));
      link.flush();
    }
    expect(link.queuedBytes).toBeGreaterThan(0);
    write(worker, 3);
    worker.destroy();
    await expect.poll(() => ends).toEqual([undefined]);
    expect(frames).toHaveLength(3);
  });
});

test("nothing is read after what was not of the protocol", async () => {
  const { worker, frames, ends } = await start();
  write(worker, 1);
  worker.write(Buffer.alloc(4));
  write(worker, 1);
  await expect.poll(() => ends).toEqual([expect.any(ProtocolError)]);
  expect(frames).toHaveLength(1);
});

test("a worker that asks and never reads the answers is ended before they fill the memory", () => {
  const ends: (Error | undefined)[] = [];
  const neverWrites = new Duplex({ read: () => {}, write: () => {} });
  const link = new WorkerLink(neverWrites, { onFrame: () => {}, onEnd: (error) => ends.push(error) });
  for (let id = 0; ends.length === 0 && id < 5_000_000; id++) link.done(id, 0, 0);
  expect(ends).toEqual([expect.any(ProtocolError)]);
  expect(link.queuedBytes).toBeLessThan(3 * MAX_QUEUED_BYTES);
});

async function start() {
  const { ours, theirs } = await socketPair();
  const frames: Buffer[] = [];
  const ends: (Error | undefined)[] = [];
  const link = new WorkerLink(theirs, {
    onFrame: (frame) => frames.push(frame),
    onEnd: (error) => ends.push(error),
  });
  ours.on("error", () => {});
  return { worker: ours, link, frames, ends };
}

function frame(bytes = 10): Buffer {
  const batch = new FrameBatch();
  batch.begin(FrameKind.broadcast).bytes(Buffer.alloc(bytes)).end();
  return Buffer.concat(batch.take());
}

function write(worker: { write(bytes: Buffer): boolean }, frames: number): void {
  for (let i = 0; i < frames; i++) worker.write(frame());
}
