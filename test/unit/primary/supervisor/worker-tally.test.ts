import { expect, test } from "vitest";
import { WorkerTally } from "../../../../src/primary/supervisor/worker-tally.js";

test("what workers drop is summed over all of them, by reason", () => {
  const tally = new WorkerTally("workerDropped");
  expect(tally.counters([{ "link-full-broadcast": 2, unencodable: 1 }, undefined, { unencodable: 4 }])).toEqual({
    workerDroppedLinkFullBroadcast: 2,
    workerDroppedUnencodable: 5,
  });
});

test("the sum does not fall when a worker dies, nor when its successor begins at nothing", () => {
  const tally = new WorkerTally("workerDropped");
  tally.retire({ unencodable: 3 });
  tally.retire(undefined);
  expect(tally.counters([])).toEqual({ workerDroppedUnencodable: 3 });
  expect(tally.counters([{ unencodable: 1 }])).toEqual({ workerDroppedUnencodable: 4 });
});
