import { expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load.js";
import type { Settings } from "../../../src/config/settings.js";
import { changedForPrimary, fleetSettings } from "../../../src/primary/fleet-settings.js";

function settings(...argv: string[]): Settings {
  const loaded = loadSettings(argv, {}, {});
  if (loaded.kind !== "run") throw new Error(loaded.text);
  return loaded.settings;
}

test("the supervisor gets its times, and the workers what they act on", () => {
  expect(fleetSettings(settings("--drain-timeout", "3s", "--max-header", "8kb"), 5)).toMatchObject({
    workers: 5,
    drainTimeoutMs: 3_000,
    worker: { maxHeaderBytes: 8_192, logLevel: "info" },
  });
});

test("what the workers are told has no secret and no app where there is none", () => {
  const { worker } = fleetSettings(settings("--manage-token", "hush", "--redis", "redis://u:hush@h"), 1, {
    uplink: "classic",
  });
  expect(JSON.stringify(worker)).not.toContain("hush");
  expect("app" in worker).toBe(false);
  expect(worker.uplink).toBe("classic");
});

test("where TLS is spoken the workers are told so, and the key itself is not among their settings", () => {
  const word = { type: "tls", cert: "", key: "hush", ticketKeys: "" } as const;
  const secured = fleetSettings(settings(), 1, { firstWord: () => word });
  expect(secured.worker.tls).toBe(true);
  expect(JSON.stringify(secured.worker)).not.toContain("hush");
  expect(secured.firstWord?.()).toBe(word);
  expect(fleetSettings(settings(), 1)).not.toHaveProperty("firstWord");
});

test("a reload changes the certificate, and not that there is one", () => {
  const tls: Settings = { ...settings(), tlsCert: "/a.crt", tlsKey: "/a.key" };
  expect(changedForPrimary(tls, { ...tls, tlsCert: "/b.crt", tlsKey: "/b.key" })).toEqual([]);
  expect(changedForPrimary(tls, settings())).toEqual(["tlsCert", "tlsKey"]);
  expect(changedForPrimary(settings(), tls)).toEqual(["tlsCert", "tlsKey"]);
});

test("what a reload cannot change is named, what it can is not", () => {
  const before = settings("--port", "3000", "--drain-timeout", "3s", "--workers", "2");
  expect(changedForPrimary(before, settings("--port", "3000", "--drain-timeout", "4s", "--workers", "3"))).toEqual([]);
  expect(changedForPrimary(before, settings("--port", "3001", "--balance", "random", "--manage", "off"))).toEqual([
    "port",
    "balance",
    "manage",
  ]);
});
