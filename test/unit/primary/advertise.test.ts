import type { networkInterfaces } from "node:os";
import { expect, test, vi } from "vitest";
import type { ListenWhere } from "../../../src/primary/acceptor/listener.js";
import { advertise, advertised } from "../../../src/primary/advertise.js";

type Interfaces = ReturnType<typeof networkInterfaces>;
const at = (address: string, internal: boolean, family = "IPv4") => ({ address, internal, family });
const lo = [at("127.0.0.1", true), at("::1", true, "IPv6")];
const interfaces = { lo, eth0: [at("fe80::1", false, "IPv6"), at("10.1.2.3", false)] } as unknown as Interfaces;
const onlyLoopback = { lo } as unknown as Interfaces;

function urlOf(where: ListenWhere, url: string, given: Parameters<typeof advertised>[0] = {}) {
  return advertised(given, [where], [url], interfaces).url;
}

test("a bound address is announced as it is", () => {
  expect(urlOf({ host: "10.9.9.9", port: 0 }, "http://10.9.9.9:4711")).toBe("http://10.9.9.9:4711");
  expect(urlOf({ host: "127.0.0.1", port: 0 }, "http://127.0.0.1:4711")).toBe("http://127.0.0.1:4711");
});

test("of a wildcard it is the first outward IPv4 address with the port that was got", () => {
  expect(urlOf({ host: "0.0.0.0", port: 0 }, "http://127.0.0.1:4711")).toBe("http://10.1.2.3:4711");
  expect(urlOf({ host: "::", port: 0 }, "https://[::1]:4711", { tlsCert: "/cert.pem" })).toBe("https://10.1.2.3:4711");
  const url = "http://127.0.0.1:4711";
  expect(advertised({}, [{ host: "0.0.0.0", port: 0 }], [url], onlyLoopback).url).toBe(url);
});

test("what is given wins, and speaks what the listener speaks", () => {
  const advertise = { host: "node-1.internal", port: 443 };
  expect(urlOf({ host: "0.0.0.0", port: 0 }, "https://127.0.0.1:4711", { advertise, tlsCert: "/cert.pem" })).toBe(
    "https://node-1.internal:443",
  );
  const ipv6 = { host: "fd00::1", port: 80 };
  expect(urlOf({ unix: "/run/s" }, "unix:/run/s", { advertise: ipv6 })).toBe("http://[fd00::1]:80");
});

test("of several places it is the first with a port", () => {
  const where = [{ unix: "/run/s" }, { host: "10.9.9.9", port: 0 }, { host: "10.8.8.8", port: 0 }];
  const urls = ["unix:/run/s", "http://10.9.9.9:1", "http://10.8.8.8:2"];
  expect(advertised({}, where, urls, interfaces).url).toBe("http://10.9.9.9:1");
});

test("there is none where it cannot be known, or is not wanted", () => {
  expect(urlOf({ unix: "/run/s" }, "unix:/run/s")).toBeUndefined();
  expect(urlOf({ fd: 3 }, "http://127.0.0.1:4711")).toBeUndefined();
  expect(urlOf({ host: "10.9.9.9", port: 0 }, "http://10.9.9.9:1", { advertise: "off" })).toBeUndefined();
});

test("the other hosts are told, or the log says why not", () => {
  const uplink = { advertise: vi.fn() };
  const log = { info: vi.fn(), warn: vi.fn() };
  advertise(uplink, { reason: "--advertise off" }, log);
  expect(uplink.advertise).not.toHaveBeenCalled();
  const none = { event: "advertise-none", reason: "--advertise off" };
  expect(log.warn).toHaveBeenCalledWith(none, expect.stringContaining("no requests here"));
  advertise(uplink, { url: "http://10.1.2.3:80", reason: "where it listens" }, log);
  expect(uplink.advertise).toHaveBeenCalledWith("http://10.1.2.3:80");
});
