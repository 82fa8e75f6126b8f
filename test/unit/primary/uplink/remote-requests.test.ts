import { describe, expect, test } from "vitest";
import { RemoteRequests } from "../../../../src/primary/uplink/remote-requests.js";

const other = { name: "other" } as const;

function asked(hosts: string[], counts = false): RemoteRequests {
  const requests = new RemoteRequests();
  requests.add("r", { id: 7, namespace: "/", counts, timeoutMs: 1_000 }, hosts, 0);
  return requests;
}

describe("a request to other hosts", () => {
  test("is settled when each host has answered and Redis has counted no plain server", () => {
    const requests = asked(["a", "b"]);
    expect(requests.expectPlain("r", 0)).toBeUndefined();
    expect(requests.hostAnswered("r", "a")).toBeUndefined();
    expect(requests.hostAnswered("r", "a")).toBeUndefined();
    expect(requests.hostAnswered("r", "b")).toBe(7);
    expect(requests.size).toBe(0);
  });

  test("waits for Redis' count, whoever has answered", () => {
    const requests = asked(["a"]);
    expect(requests.hostAnswered("r", "a")).toBeUndefined();
    expect(requests.expectPlain("r", 0)).toBe(7);
  });

  test("waits for as many plain servers as were counted, also when their answers came before the count", () => {
    const requests = asked([]);
    expect(requests.plainAnswered("r", other)).toBeUndefined();
    expect(requests.expectPlain("r", 2)).toBeUndefined();
    expect(requests.plainAnswered("r", other)).toBe(7);
  });

  test("to clients is settled when all plain servers have told their clients, and those have answered", () => {
    const requests = asked([], true);
    requests.expectPlain("r", 2);
    expect(requests.plainAnswered("r", { name: "clients", count: 2 })).toBeUndefined();
    expect(requests.plainAnswered("r", { name: "ack" })).toBeUndefined();
    expect(requests.plainAnswered("r", { name: "clients", count: 0 })).toBeUndefined();
    expect(requests.plainAnswered("r", { name: "ack" })).toBe(7);
  });

  test("to clients of nobody is settled by the counts alone", () => {
    const requests = asked([], true);
    requests.expectPlain("r", 1);
    expect(requests.plainAnswered("r", { name: "clients", count: 0 })).toBe(7);
  });

  test("does not wait for a host that has gone", () => {
    const requests = asked(["a", "b"]);
    requests.add("s", { id: 8, namespace: "/", counts: false, timeoutMs: 1_000 }, ["b"], 0);
    for (const requestId of ["r", "s"]) requests.expectPlain(requestId, 0);
    expect(requests.dropHost("b")).toEqual([8]);
    expect(requests.dropHost("a")).toEqual([7]);
  });

  test("takes an answer of a host that had not told of itself, and of nobody once it is settled", () => {
    const requests = asked(["a"]);
    requests.expectPlain("r", 0);
    expect(requests.idFor("r")).toBe(7);
    expect(requests.hostAnswered("r", "stranger")).toBeUndefined();
    expect(requests.hostAnswered("r", "a")).toBe(7);
    expect(requests.idFor("r")).toBeUndefined();
    expect(requests.plainAnswered("r", other)).toBeUndefined();
  });
});

test("when Redis is away, nothing is waited for", () => {
  const requests = asked(["a"]);
  requests.add("s", { id: 8, namespace: "/", counts: false, timeoutMs: 1_000 }, [], 0);
  expect(requests.dropAll()).toEqual([7, 8]);
  expect(requests.size).toBe(0);
});

test("what nobody waits for any more is forgotten", () => {
  const requests = asked(["a"]);
  requests.sweep(5_999);
  expect(requests.size).toBe(1);
  requests.sweep(6_000);
  expect(requests.size).toBe(0);
});
