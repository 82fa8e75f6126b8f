import { expect, test } from "vitest";
import { Admission, type AdmissionLimits, type Visit } from "../../../../src/primary/acceptor/admission.js";

const NOW_MS = 1_000;

test("past the limit of connections new ones are refused, and taken again when others have left", () => {
  const { come, visits } = start({ maxConnections: 2 });
  expect([come("a"), come("b"), come("c")]).toEqual(["in", "in", "connections"]);
  visits[0]?.leave();
  expect([come("d"), come("e")]).toEqual(["in", "connections"]);
});

test("past the limit of one address its new connections are refused, and nobody else's", () => {
  const { come, visits } = start({ maxConnectionsPerIp: 2 });
  expect([come("192.0.2.1"), come("::ffff:192.0.2.1"), come("192.0.2.1"), come("192.0.2.2")]).toEqual([
    "in",
    "in",
    "address",
    "in",
  ]);
  visits[1]?.leave();
  visits[1]?.leave();
  expect([come("192.0.2.1"), come("192.0.2.1")]).toEqual(["in", "address"]);
});

test("an IPv6 /64 is one client", () => {
  const { come } = start({ maxConnectionsPerIp: 1 });
  expect([come("2001:db8::1"), come("2001:db8::2"), come("2001:db8:0:1::1")]).toEqual(["in", "address", "in"]);
});

test("a proxy has no limit of its own, but that of the host", () => {
  const { come } = start({ maxConnectionsPerIp: 1, maxConnections: 3 });
  expect([come("10.0.0.1"), come("10.0.0.1"), come("10.0.0.1"), come("10.0.0.1")]).toEqual([
    "in",
    "in",
    "in",
    "connections",
  ]);
});

test("so many a second are taken, and who was refused for another reason takes nothing from the others", () => {
  const { come } = start({ connectRate: 2, maxConnectionsPerIp: 1 });
  expect([come("a"), come("a"), come("a"), come("b"), come("c")]).toEqual(["in", "address", "address", "in", "rate"]);
  expect([come("c", false, NOW_MS + 499), come("c", false, NOW_MS + 500)]).toEqual(["rate", "in"]);
});

test("what names a session passes all limits and counts", () => {
  const { come } = start({ maxConnections: 1, maxConnectionsPerIp: 1, connectRate: 1 });
  expect([come("a"), come("a"), come("a", true), come("a", true)]).toEqual(["in", "connections", "in", "in"]);
});

test("ids that are made up do not help beyond a few times the limit", () => {
  const { admission, come } = start({ maxConnectionsPerIp: 100 });
  const came = Array.from({ length: 500 }, () => come("a", true));
  expect(came.filter((outcome) => outcome === "in").length).toBe(400);
  expect(admission.refused).toEqual({ connections: 0, address: 100, rate: 0 });
});

test("strangers who say nothing do not keep out who is in, and neither do made-up ids for ever", () => {
  const { admission, come } = start({ maxConnections: 100 });
  for (let i = 0; i < 10_000; i++) admission.identify(admission.enter(), "192.0.2.1");
  const came = Array.from({ length: 500 }, () => come("192.0.2.2", true));
  expect(came.filter((outcome) => outcome === "in").length).toBe(400);
});

test("nothing is left of those who have gone", () => {
  const { admission, come, visits } = start({ maxConnectionsPerIp: 1 });
  for (let i = 0; i < 100; i++) come(`192.0.2.${i}`);
  come("192.0.2.1");
  expect([admission.open, admission.groups]).toEqual([101, 100]);
  for (const visit of visits) visit.leaveHere();
  expect([admission.open, admission.groups]).toEqual([0, 0]);
});

function start(limits: AdmissionLimits) {
  const admission = new Admission(limits, (address) => address === "10.0.0.1");
  const visits: Visit[] = [];
  const come = (address: string, hasSession = false, nowMs = NOW_MS) => {
    const visit = admission.enter();
    visits.push(visit);
    return admission.identify(visit, address) ?? admission.judge(visit, hasSession, nowMs) ?? "in";
  };
  return { admission, come, visits };
}
