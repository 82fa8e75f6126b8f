import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { onCleanup } from "../flow/support/cleanup.js";
import { ROOT } from "../flow/support/command.js";
import { check } from "../history/checker.js";
import type { FaultName } from "../history/run.js";

const FOR_MS = 40_000;
const WITHIN_MS = 300_000;

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly faults?: readonly FaultName[];
}

const RARELY = "Math.random() < 0.0005";
const WRITE = "            socket.client.writeToEngine(written.parts, written.options);";
const NEEDS_RETURNS: readonly FaultName[] = ["drop", "close", "swallow", "killWorker"];

/** Each is a fault that the product could have; the history must show it. */
const MUTATIONS: readonly Mutation[] = [
  {
    name: "a client is not written to",
    file: "worker/recovery/writer.js",
    from: WRITE,
    to: `if (!(${RARELY})) {${WRITE}}`,
  },
  {
    name: "a client is written to twice",
    file: "worker/recovery/writer.js",
    from: WRITE,
    to: `${WRITE} if (${RARELY}) {${WRITE}}`,
  },
  {
    name: "two events change places",
    file: "worker/recovery/writer.js",
    from: WRITE,
    to: `const write = () => {${WRITE}}; if (${RARELY}) setTimeout(write, 50); else write();`,
  },
  {
    name: "clients are written to before the link",
    file: "worker/link.js",
    from: "setImmediate(this.#flushTick);",
    to: "setTimeout(this.#flushTick, 200); this.gathers = false; Object.defineProperty(this, 'behind', { value: false });",
    faults: ["killWorker"],
  },
  {
    name: "who is connected is not fenced",
    file: "primary/recovery/restore-desk.js",
    from: "session.holder.frame(RecoveryKind.fence).number(session.number).end();",
    to: `const { holder } = session; const state = { worker: holder.name, own: holder.own, shared: holder.changed };
         this.#desk.sessions.leave(session, state, performance.now()); this.#answer(claim);`,
    faults: ["swallow", "stopWorker", "close"],
  },
  {
    name: "what passes while a client is let in is not kept",
    file: "worker/recovery/returning.js",
    from: "pass(passing, isOwn) {",
    to: "pass(passing, isOwn) { return;",
    faults: NEEDS_RETURNS,
  },
  {
    name: "the log forgets an event",
    file: "primary/recovery/missed.js",
    from: "events.push({ own,",
    to: "if (Math.random() > 0.02) events.push({ own,",
    faults: NEEDS_RETURNS,
  },
];

beforeEach(() => {
  vi.resetModules();
});

test.each(MUTATIONS)("$name", { timeout: WITHIN_MS + 200_000 }, async (mutation) => {
  process.env.TEST_DIST = mutated(mutation);
  const { runHistory } = await import("../history/run.js");
  const startedAt = performance.now();
  const found = new Set<string>();
  for (let seed = 1; found.size === 0 && performance.now() - startedAt < WITHIN_MS; seed++) {
    const { faults } = mutation;
    const history = await runHistory({ seed, forMs: FOR_MS, ...(faults && { faults }) });
    for (const { rule } of check(history).violations) found.add(rule);
  }
  console.log(`${mutation.name}: ${[...found]}, in ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  expect([...found]).not.toEqual([]);
});

/** A copy of the build with that one change. */
function mutated({ file, from, to }: Mutation): string {
  // What is imported by a bare name is found from where the build is.
  const dist = join(ROOT, ".tmp", `mutant-${process.pid}-${Math.round(performance.now())}`);
  onCleanup(() => rmSync(dist, { recursive: true, force: true }));
  cpSync(join(ROOT, "dist"), dist, { recursive: true });
  cpSync(join(ROOT, "package.json"), join(ROOT, ".tmp", "package.json"));
  const path = join(dist, file);
  const text = readFileSync(path, "utf8");
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
  return dist;
}
