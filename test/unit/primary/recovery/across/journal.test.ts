import { expect, test } from "vitest";
import { Journal } from "../../../../../src/primary/recovery/across/journal.js";
import { keysOf } from "../../../../../src/primary/recovery/across/key.js";
import { Seal } from "../../../../../src/primary/recovery/across/seal.js";
import type { Command, Store } from "../../../../../src/primary/recovery/across/store.js";
import { EventLog } from "../../../../../src/primary/recovery/event-log.js";

/** A Redis that carries out transactions while it is there; `written` is what was in those. */
function journalHere() {
  const written: Command[] = [];
  const redis = { isThere: true };
  const run = async (commands: readonly Command[]) => {
    if (!redis.isThere) throw new Error("gone");
    if (commands[0]?.[0] !== "MULTI") return commands.map(() => []);
    written.push(...commands.slice(1, -1));
    return [...commands.slice(0, -1).map(() => "QUEUED"), commands.slice(1, -1).map(() => "OK")];
  };
  const failures: Error[] = [];
  const journal = new Journal<never>({
    store: { uid: "u".repeat(16), isReady: true, isOpen: true, run } as Partial<Store> as Store,
    keys: keysOf("test"),
    seal: new Seal(undefined),
    log: new EventLog(),
    epoch: "e",
    bufferBytes: 1_000_000,
    vector: new Map(),
    workers: () => new Map(),
    sessions: () => [],
    keepMs: () => 1_000,
    onFailure: (error) => failures.push(error),
  });
  return { journal, run, redis, written, failures };
}

test("what was to be in a transaction that failed is in the next one", async () => {
  const { journal, run, redis, written, failures } = journalHere();
  await journal.resume(run);
  redis.isThere = false;
  journal.also(["DEL", "a claim"]);
  journal.flush();
  await expect.poll(() => failures).toHaveLength(1);
  expect(journal.isWriting).toBe(false);
  redis.isThere = true;
  await journal.resume(run);
  expect(written.filter(([name]) => name === "DEL")).toEqual([["DEL", "a claim"]]);
});
