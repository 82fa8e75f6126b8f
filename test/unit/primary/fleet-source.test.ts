import { afterEach, expect, test, vi } from "vitest";
import { type Loaded, loadSettings } from "../../../src/config/load.js";
import type { Settings } from "../../../src/config/settings.js";
import type { TlsPair } from "../../../src/config/tls-pair.js";
import { FleetSource } from "../../../src/primary/fleet-source.js";

const pair: TlsPair = { cert: "old", key: "k", subject: "DNS:a", validTo: "May 1", expiresInMs: 1e10 };
const WITH_TLS = { tlsCert: "/a.crt", tlsKey: "/a.key" };

afterEach(() => {
  vi.useRealTimers();
});

function settings(...argv: string[]): Settings {
  const loaded = loadSettings(["--workers", "2", ...argv], {}, {});
  if (loaded.kind !== "run") throw new Error(loaded.text);
  return loaded.settings;
}

/** A fleet that was started with `before`, and finds `now` when it is reloaded. */
function started(before: { settings: Settings; tls?: TlsPair }, now: { settings: Settings; tls?: TlsPair } | Error) {
  const log = { info: vi.fn(), warn: vi.fn() };
  const allowOrigins = vi.fn();
  const load = (): Loaded => {
    if (now instanceof Error) throw now;
    return { kind: "run", tls: undefined, warnings: [], ...now };
  };
  return { fleet: new FleetSource({ tls: undefined, ...before, load, allowOrigins, log }), log, allowOrigins };
}

test("at the start it is what was set, and the number of workers is told with its reason", () => {
  const { fleet, log } = started({ settings: settings("--drain-timeout", "3s") }, new Error());
  expect(fleet.initial()).toMatchObject({ workers: 2, drainTimeoutMs: 3_000 });
  expect(log.info).toHaveBeenCalledWith({ event: "workers", workers: 2, reason: "as set" }, "workers: 2 (as set)");
});

test("a reload takes what workers act on, and names what it cannot change", () => {
  const { fleet, log, allowOrigins } = started(
    { settings: settings("--port", "1") },
    { settings: settings("--port", "2", "--workers", "3", "--cors-origin", "https://a.example") },
  );
  expect(fleet.reread()).toMatchObject({ workers: 3, worker: { corsOrigins: ["https://a.example"] } });
  expect(allowOrigins).toHaveBeenCalledWith(["https://a.example"]);
  expect(log.warn).toHaveBeenCalledTimes(1);
  expect(log.warn).toHaveBeenCalledWith({ event: "restart-needed", settings: ["port"] }, "only a restart changes port");
});

test("workers go on believing the proxies that the primary was started with", () => {
  const some = settings("--trust-proxy", "10.0.0.0/8");
  expect(started({ settings: some }, { settings: settings() }).fleet.reread().worker.trustProxy).toEqual([
    "10.0.0.0/8",
  ]);
  expect(started({ settings: settings() }, { settings: some }).fleet.reread().worker).not.toHaveProperty("trustProxy");
});

test("how hosts are joined stays as it was", () => {
  const before = settings("--redis", "redis://a");
  const after = settings("--redis", "redis://a", "--redis-mode", "sharded");
  expect(started({ settings: before }, { settings: after }).fleet.reread().worker.uplink).toBe("classic");
});

test("settings that are wrong by now change nothing", () => {
  const { fleet, allowOrigins } = started({ settings: settings() }, new Error("port is 0"));
  expect(() => fleet.reread()).toThrow("port is 0");
  expect(allowOrigins).not.toHaveBeenCalled();
});

test("with TLS a reload has workers told of the new certificate, and those of before keep theirs", () => {
  const secure = { ...settings(), ...WITH_TLS };
  const { fleet, log } = started({ settings: secure, tls: pair }, { settings: secure, tls: { ...pair, cert: "new" } });
  const [before, after] = [fleet.initial(), fleet.reread()];
  const tickets = before.firstWord?.() as { ticketKeys: string };
  expect(tickets).toMatchObject({ type: "tls", cert: "old" });
  expect(after.firstWord?.()).toEqual({ ...tickets, cert: "new" });
  expect(log.info.mock.calls.filter(([{ event }]) => event === "tls-certificate")).toHaveLength(2);
});

test("that TLS is spoken is not changed by a reload", () => {
  const secure = { settings: { ...settings(), ...WITH_TLS }, tls: pair };
  const plain = { settings: settings() };
  expect(started(secure, plain).fleet.reread().firstWord?.()).toMatchObject({ cert: "old" });
  expect(started(plain, secure).fleet.reread()).not.toHaveProperty("firstWord");
});

test("the keys of session tickets are changed for workers that run, where there is TLS", () => {
  vi.useFakeTimers();
  const tell = vi.fn();
  started({ settings: settings() }, new Error()).fleet.keepSecretsFresh(tell);
  vi.advanceTimersByTime(24 * 3_600_000);
  expect(tell).not.toHaveBeenCalled();
  const { fleet } = started({ settings: { ...settings(), ...WITH_TLS }, tls: pair }, new Error());
  fleet.keepSecretsFresh(tell);
  vi.advanceTimersByTime(24 * 3_600_000);
  expect(tell).toHaveBeenCalledWith({ type: "ticket-keys", ticketKeys: expect.any(String) });
});
