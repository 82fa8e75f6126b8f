import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { MAX_QUEUED_BYTES, WorkerLink } from "../../../../src/primary/switch/worker-link.js";
import { ProtocolError } from "../../../../src/protocol/frame.js";

test("a worker that asks and never reads the answers is ended before they fill the memory", () => {
  const ends: (Error | undefined)[] = [];
  const neverWrites = new Duplex({ read: () => {}, write: () => {} });
  const link = new WorkerLink(neverWrites, { onFrame: () => {}, onEnd: (error) => ends.push(error) });
  for (let id = 0; ends.length === 0 && id < 5_000_000; id++) link.done(id, 0, 0);
  expect(ends).toEqual([expect.any(ProtocolError)]);
  expect(link.queuedBytes).toBeLessThan(3 * MAX_QUEUED_BYTES);
});
