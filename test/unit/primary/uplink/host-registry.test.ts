import { expect, test } from "vitest";
import {
  HostRegistry,
  type HostWord,
  MAX_HOSTS,
  MAX_NAMESPACES_OF_ALL,
} from "../../../../src/primary/uplink/host-registry.js";

function word(uid: string, workers: Record<string, number> = { "/": 2 }, goodbye = false): HostWord {
  return { uid, hostId: `host ${uid}`, release: "1.2.3", goodbye, workers: new Map(Object.entries(workers)) };
}

test("counts the workers of the hosts that serve a namespace", () => {
  const hosts = new HostRegistry();
  expect(hosts.heard(word("a", { "/": 2, "/x": 1 }))).toBe("new");
  expect(hosts.heard(word("b", { "/": 4 }))).toBe("new");
  expect([hosts.countWorkers("/"), hosts.countWorkers("/x"), hosts.countWorkers("/y")]).toEqual([6, 1, 0]);
  expect(hosts.serving("/x")).toEqual(["a"]);
  expect(hosts.nameOf("b")).toBe("host b");
});

test("believes a host's latest word", () => {
  const hosts = new HostRegistry();
  hosts.heard(word("a", { "/": 2, "/x": 2 }));
  expect(hosts.heard(word("a", { "/": 3, "/x": 0 }))).toBeUndefined();
  expect([hosts.countWorkers("/"), hosts.serving("/x"), hosts.size]).toEqual([3, [], 1]);
});

test("a host that says goodbye has gone at once, and once", () => {
  const hosts = new HostRegistry();
  hosts.heard(word("a"));
  expect(hosts.heard(word("a", {}, true))).toBe("gone");
  expect(hosts.heard(word("a", {}, true))).toBeUndefined();
  expect(hosts.serving("/")).toEqual([]);
});

test("a host that is silent for more than seven seconds has gone, one that speaks stays", () => {
  const hosts = new HostRegistry();
  hosts.heard(word("silent"));
  hosts.heard(word("alive"));
  const gone: string[] = [];
  for (let second = 0; second < 9; second++) {
    gone.push(...hosts.tick().map(({ uid }) => `${uid} after ${second + 1}`));
    if (second % 2 === 0) hosts.heard(word("alive"));
  }
  expect(gone).toEqual(["silent after 8"]);
  expect(hosts.serving("/")).toEqual(["alive"]);
});

test("no more hosts are remembered than a cluster can have, and known ones go on", () => {
  const hosts = new HostRegistry();
  for (let i = 0; i < MAX_HOSTS + 10; i++) hosts.heard(word(`${i}`));
  expect(hosts.size).toBe(MAX_HOSTS);
  hosts.heard(word("0", { "/": 7 }));
  expect(hosts.countWorkers("/")).toBe(2 * (MAX_HOSTS - 1) + 7);
});

test("what hosts say they serve is bounded together, and those that go make room", () => {
  const many = (uid: string, count: number): HostWord => {
    const workers = new Map(Array.from({ length: count }, (_, i) => [`/${i}`, 1]));
    return { ...word(uid), workers };
  };
  const hosts = new HostRegistry();
  const quarter = MAX_NAMESPACES_OF_ALL / 4;
  for (const uid of ["a", "b", "c", "d"]) expect(hosts.heard(many(uid, quarter))).toBe("new");
  expect(hosts.heard(many("e", 1))).toBe("ignored");
  expect(hosts.heard(many("a", quarter + 1))).toBe("ignored");
  expect([hosts.size, hosts.countWorkers("/0")]).toEqual([4, 4]);
  hosts.heard(many("b", quarter - 1));
  expect(hosts.heard(many("e", 1))).toBe("new");
  hosts.remove("c");
  expect(hosts.heard(many("f", quarter))).toBe("new");
});
