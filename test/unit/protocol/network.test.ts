import { expect, test } from "vitest";
import { addressGroup, isNetwork, trustOf } from "../../../src/protocol/network.js";

test("an address is trusted that lies in one of the networks", () => {
  const trust = trustOf(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);
  const asked = ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8:1::5", "11.0.0.1", "192.0.2.8", "::1", "x"];
  expect(asked.map(trust)).toEqual([true, true, true, true, false, false, false, false]);
});

test("a peer without an address came over a Unix socket, and is trusted if that is said", () => {
  expect([trustOf(["10.0.0.0/8"])(undefined), trustOf(["unix"])(undefined), trustOf([])(undefined)]).toEqual([
    false,
    true,
    false,
  ]);
});

test.each(["10.0.0.0/8", "::/0", "127.0.0.1", "fd00::1/128"])("%s is a network", (text) => {
  expect(isNetwork(text)).toBe(true);
});

test.each([
  "",
  "10.0.0.0/33",
  "10.0.0/8",
  "::1/129",
  "10.0.0.0/",
  "10.0.0.0/8/8",
  "fe80::1%eth0",
  "host",
  "1.1.1.1/-1",
])("%j is none", (text) => expect(isNetwork(text)).toBe(false));

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2/64"],
  ["2001:0db8::6", "2001:db8:0:0/64"],
  ["::1", "0:0:0:0/64"],
  ["fe80::1%eth0", "fe80:0:0:0/64"],
  ["2001:db8:1:2::", "2001:db8:1:2/64"],
])("%s counts as %s", (address, group) => {
  expect(addressGroup(address)).toBe(group);
});
