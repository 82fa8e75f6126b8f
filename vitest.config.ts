import { defineConfig } from "vitest/config";

// Two cores carry one real cluster with its clients, or, for what waits more than it works, two.
const FLOW_WORKERS = 2;

export default defineConfig({
  test: {
    retry: 0,
    pool: "forks",
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "flow",
          include: ["test/flow/**/*.test.ts"],
          setupFiles: ["test/setup/flow.ts"],
          globalSetup: ["test/setup/run-mark.ts"],
          maxWorkers: FLOW_WORKERS,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // Not of `npm test`: minutes each, run by name (npm run test:long) and their results recorded in docs.
          name: "long",
          include: ["test/long/**/*.test.ts"],
          setupFiles: ["test/setup/flow.ts"],
          globalSetup: ["test/setup/run-mark.ts"],
          maxWorkers: 1,
          testTimeout: 600_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
