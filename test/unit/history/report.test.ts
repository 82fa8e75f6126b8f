import { expect, test } from "vitest";
import { check } from "../../history/checker.js";
import type { Entry, Refused } from "../../history/entry.js";
import { heading, Total, told, witness } from "../../history/report.js";

const HISTORY: readonly Entry[] = [
  { type: "connect", client: "ada", pid: "p", recovered: false },
  { type: "invoke", client: "ada", id: "e1", op: { kind: "emit", target: {} } },
  { type: "fault", name: "killWorker" },
  { type: "ok", id: "e1", sender: "w", number: 1 },
  { type: "close", client: "ada", reason: "transport close" },
  { type: "connect", client: "ada", pid: "p", recovered: true },
  { type: "quiet" },
];

test("a history is a line under its heading", () => {
  const line = told(7, 2, check(HISTORY));
  expect(line.length).toBe(heading().length);
  expect(line.trim().split(/\s+/)).toEqual(["7", "2", "1", "0", "1", "1", "0", "1", "1"]);
});

test("what was found is shown with the entries it stands on and the faults between", () => {
  const text = witness(HISTORY, check(HISTORY).violations);
  expect(text).toContain("loss: ada: e1 (w 1) to everybody never came");
  expect(text).toContain('1: {"type":"invoke"');
  expect(text).toContain("faults: killWorker");
});

test("a client that was not recovered is shown with what the hosts refused meanwhile", () => {
  const refused = (asked: number, counts: Refused): Entry => ({ type: "refused", asked, counts });
  const anew: Entry = { type: "connect", client: "ada", pid: "q", recovered: false };
  const before = [refused(0, { A: { gone: 1, lost: 2 } }), ...HISTORY.slice(0, 5), anew];
  // The look between was asked for before she came.
  const history = [
    ...before,
    refused(1, { A: { gone: 2, lost: 2 } }),
    refused(7, { A: { gone: 2, lost: 3 }, B: { cursor: 1 } }),
  ];
  expect(witness(history, check(history).violations)).toMatch(/refused: lost 1 \(A\), cursor 1 \(B\)$/m);
});

test("the sum says how many were to recover and did", () => {
  const total = new Total();
  total.add(check(HISTORY));
  total.add(check(HISTORY.map((entry) => (entry.type === "connect" ? { ...entry, recovered: false } : entry))));
  const text = total.text(60_000);
  expect(text).toContain("2 histories in 1 minutes: 2 events, 0 received");
  expect(text).toContain("returns: 2, of them 1 recovered (50 % of those who were to recover), 1 told");
  expect(text).toContain("found: 1 lost, 0 twice, 0 out of order, 0 dishonest, 1 not recovered, 0 never back");
  expect(total.violations).toBe(2);
});
