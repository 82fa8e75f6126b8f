import type { networkInterfaces } from "node:os";
import { expect, test } from "vitest";
import { advertised } from "../../../src/primary/advertise.js";

type Interfaces = ReturnType<typeof networkInterfaces>;
const at = (address: string, internal: boolean, family = "IPv4") => ({ address, internal, family });
const lo = [at("127.0.0.1", true), at("::1", true, "IPv6")];
const interfaces = { lo, eth0: [at("fe80::1", false, "IPv6"), at("10.1.2.3", false)] } as unknown as Interfaces;
const onlyLoopback = { lo } as unknown as Interfaces;

function urlOf(where: Parameters<typeof advertised>[1], url: string, given: Parameters<typeof advertised>[0] = {}) {
  return advertised(given, where, url, interfaces).url;
}

test("a bound address is announced as it is", () => {
  expect(urlOf({ host: "10.9.9.9", port: 0 }, "http://10.9.9.9:4711")).toBe("http://10.9.9.9:4711");
  expect(urlOf({ host: "127.0.0.1", port: 0 }, "http://127.0.0.1:4711")).toBe("http://127.0.0.1:4711");
});

test("of a wildcard it is the first outward IPv4 address with the port that was got", () => {
  expect(urlOf({ host: "0.0.0.0", port: 0 }, "http://127.0.0.1:4711")).toBe("http://10.1.2.3:4711");
  expect(urlOf({ host: "::", port: 0 }, "https://[::1]:4711")).toBe("https://10.1.2.3:4711");
  const url = "http://127.0.0.1:4711";
  expect(advertised({}, { host: "0.0.0.0", port: 0 }, url, onlyLoopback).url).toBe(url);
});

test("what is given wins, and speaks what the listener speaks", () => {
  const advertise = { host: "node-1.internal", port: 443 };
  expect(urlOf({ host: "0.0.0.0", port: 0 }, "https://127.0.0.1:4711", { advertise })).toBe(
    "https://node-1.internal:443",
  );
  const ipv6 = { host: "fd00::1", port: 80 };
  expect(urlOf({ unix: "/run/s" }, "unix:/run/s", { advertise: ipv6 })).toBe("http://[fd00::1]:80");
});

test("there is none where it cannot be known, or is not wanted", () => {
  expect(urlOf({ unix: "/run/s" }, "unix:/run/s")).toBeUndefined();
  expect(urlOf({ fd: 3 }, "http://127.0.0.1:4711")).toBeUndefined();
  expect(urlOf({ host: "10.9.9.9", port: 0 }, "http://10.9.9.9:1", { advertise: "off" })).toBeUndefined();
});
