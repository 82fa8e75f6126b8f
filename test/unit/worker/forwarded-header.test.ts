import { expect, test } from "vitest";
import { trustOf } from "../../../src/protocol/network.js";
import { forwardedPeer } from "../../../src/worker/forwarded-header.js";

const trust = trustOf(["10.0.0.0/8", "2001:db8:ffff::/48"]);

test.each([
  ["the only one", "192.0.2.7", "192.0.2.7"],
  ["the right-most that is no proxy", "198.51.100.1, 192.0.2.7, 10.0.0.3", "192.0.2.7"],
  ["the left-most, when all are proxies", "10.0.0.1, 10.0.0.2", "10.0.0.1"],
  ["an IPv6 address", "2001:db8::7", "2001:db8::7"],
  ["one with a port", "192.0.2.7:1234", "192.0.2.7"],
  ["an IPv6 address with a port", "[2001:db8::7]:1234", "2001:db8::7"],
  ["a proxy before something malformed", "192.0.2.7, x, 10.0.0.2", "10.0.0.2"],
  ["nothing of what is malformed", "192.0.2.7, 10.0.0.300", undefined],
  ["nothing of what is empty", "", undefined],
  ["nothing left of an empty one", "192.0.2.7,,", undefined],
  ["nothing with a zone", "fe80::1%eth0", undefined],
  ["nothing with a port beyond", "192.0.2.7:99999", undefined],
])("of X-Forwarded-For it takes %s", (_, list, address) => {
  expect(forwardedPeer({ "x-forwarded-for": list }, trust)?.address).toBe(address);
});

test.each([
  ["for=192.0.2.7", "192.0.2.7"],
  ['For="192.0.2.7:80";proto=https;by=10.0.0.1', "192.0.2.7"],
  ['for="[2001:db8::7]:4711"', "2001:db8::7"],
  ["for=198.51.100.1, for=192.0.2.7, for=10.0.0.3", "192.0.2.7"],
  ['for=192.0.2.7;host="a,for=198.51.100.1"', "192.0.2.7"],
  ['for=192.0.2.7;x=";for=198.51.100.1"', "192.0.2.7"],
  ['for="198.51.100.1, for=192.0.2.7', "192.0.2.7"],
  ['x="\\", for=198.51.100.1, for=192.0.2.7', "192.0.2.7"],
  ['x="\\"", for=192.0.2.7', "192.0.2.7"],
  ["forx, for=10.0.0.3", "10.0.0.3"],
  ["for=unknown", undefined],
  ["for=_hidden, for=10.0.0.3", "10.0.0.3"],
  ["proto=https", undefined],
  ["for=192.0.2.7;for=192.0.2.8", undefined],
])("of Forwarded: %s it takes %s", (forwarded, address) => {
  expect(forwardedPeer({ forwarded }, trust)?.address).toBe(address);
});

test("where both are there and differ, neither is believed", () => {
  expect(forwardedPeer({ "x-forwarded-for": "192.0.2.7", forwarded: "for=192.0.2.8" }, trust)).toBeUndefined();
  expect(forwardedPeer({ "x-forwarded-for": "192.0.2.7", forwarded: "for=192.0.2.7" }, trust)?.address).toBe(
    "192.0.2.7",
  );
});

test("a hundred hops are read, and a long list takes no time", () => {
  const hops = Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`).join(", ");
  expect(forwardedPeer({ "x-forwarded-for": `192.0.2.7, ${hops}` }, trust)?.address).toBe("192.0.2.7");
  // Far longer than a head may be: what looked at each quote or blank again would take the test minutes.
  const repeated = [",", '"', '"\\', '\\"', 'for="\\";', "for=;", " "];
  for (const text of repeated.map((each) => `for="${each.repeat(200_000)}x`)) {
    expect(forwardedPeer({ "x-forwarded-for": text, forwarded: text }, trust)).toBeUndefined();
  }
});
