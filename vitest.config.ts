import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/setup/longest-first.js";

const UNIT_WORKERS = 3;
const WITH_CLUSTERS = {
  setupFiles: ["test/setup/flow.ts"],
  globalSetup: ["test/setup/run-mark.ts"],
  // Real clusters with their clients wait more than they work: two at a time left half of two cores idle.
  maxWorkers: 3,
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    retry: 0,
    pool: "forks",
    // A busy machine is slow; what never comes still fails.
    expect: { poll: { timeout: 10_000 } },
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          testTimeout: 20_000,
          maxWorkers: UNIT_WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "flow",
          include: ["test/flow/**/*.test.ts"],
          ...WITH_CLUSTERS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // As flow, half a minute and more each: a command of their own (npm run test:slow), which .ci/run calls as well.
          name: "slow",
          include: ["test/slow/**/*.test.ts"],
          ...WITH_CLUSTERS,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          // Not of `npm test`: minutes each, run by name (npm run test:long) and their results recorded in docs.
          name: "long",
          include: ["test/long/**/*.test.ts"],
          ...WITH_CLUSTERS,
          maxWorkers: 1,
          testTimeout: 600_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
