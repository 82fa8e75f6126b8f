import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load.js";
import type { Settings } from "../../../src/config/settings.js";

const directory = mkdtempSync(join(tmpdir(), "holdfast-redis-"));
afterAll(() => rmSync(directory, { recursive: true }));

const CLUSTER = { kind: "cluster", nodes: [{ host: "a" }, { host: "b" }], password: "hunter2" };

function load(argv: string[], env: NodeJS.ProcessEnv = {}): Settings {
  const loaded = loadSettings(argv, env, { isTTY: false });
  if (loaded.kind !== "run") throw new Error(loaded.text);
  return loaded.settings;
}

function printed(argv: string[], env: NodeJS.ProcessEnv = {}): string {
  const loaded = loadSettings(["--print-config", ...argv], env, { isTTY: false });
  return loaded.kind === "print" ? loaded.text : "";
}

function file(content: object): string {
  const path = join(directory, "config.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test("a repeated flag, a variable with several URLs and an array in the file are the same", () => {
  const urls = ["redis://:hunter2@a", "redis://:hunter2@b"];
  expect(load(urls.flatMap((url) => ["--redis", url])).redis).toMatchObject(CLUSTER);
  expect(load([`--redis=${urls[0]}`, `--redis=${urls[1]}`]).redis).toMatchObject(CLUSTER);
  expect(load([], { HOLDFAST_REDIS: urls.join(",") }).redis).toMatchObject(CLUSTER);
  expect(load([], { REDIS_URL: ` ${urls.join(" ")} ` }).redis).toMatchObject(CLUSTER);
  expect(load(["--config", file({ redis: urls })]).redis).toMatchObject(CLUSTER);
  expect(load(["--config", file({ redis: urls.join(", ") })]).redis).toMatchObject(CLUSTER);
});

test("off puts another source's Redis out of use", () => {
  expect(load([], { REDIS_URL: "redis://a" }).redis).toBeDefined();
  expect(load(["--redis", "off"], { REDIS_URL: "redis://a" }).redis).toBeUndefined();
});

test("no password is shown, whether the URL is right or wrong", () => {
  expect(printed(["--redis", "redis://app:hunter2@a"])).toContain("redis://app:********@a:6379");
  for (const wrong of ["redis://:hunter2@a/x", "redis//:hunter2@a", '{"x":"redis://:hunter2@a"}']) {
    expect(() => load(["--redis", wrong])).toThrow(/^redis is .*\(flag --redis\), but /);
    expect(() => load(["--redis", wrong])).not.toThrow(/hunter2/);
    expect(() => load(["--config", file({ redis: { url: wrong } })])).not.toThrow(/hunter2/);
  }
  expect(printed([], { HOLDFAST_REDIS_SECRET: "hunter2" })).not.toContain("hunter2");
});

test("a switch is on by its flag, off by its twin, and takes no value", () => {
  const redis = { REDIS_URL: "redis://a" };
  expect(load(["--redis-required"], redis).redisRequired).toBe(true);
  expect(load([], { ...redis, HOLDFAST_REDIS_REQUIRED: "on" }).redisRequired).toBe(true);
  expect(load(["--no-redis-required"], { HOLDFAST_REDIS_REQUIRED: "1" }).redisRequired).toBe(false);
  expect(load(["--redis-required", import.meta.filename], redis)).toMatchObject({
    redisRequired: true,
    app: import.meta.filename,
  });
  expect(load(["--config", file({ redisRequired: true })], redis).redisRequired).toBe(true);
  expect(() => load(["--redis-required=on"])).toThrow(/option --redis-required takes no value/);
  expect(() => load([], { HOLDFAST_REDIS_REQUIRED: "maybe" })).toThrow(/must be on or off/);
});

test("a Redis that is required must be named", () => {
  expect(() => load(["--redis-required"])).toThrow(/^redis-required is on \(flag --redis-required\), but redis is off/);
  expect(() => load(["--redis", "off"], { REDIS_URL: "redis://a", HOLDFAST_REDIS_REQUIRED: "on" })).toThrow(
    /redis is off/,
  );
});

test("files of TLS go with a URL of TLS, and a certificate with its key", () => {
  const path = join(directory, "some.pem");
  writeFileSync(path, "");
  const [ca, cert, key] = [`--redis-ca=${path}`, `--redis-cert=${path}`, `--redis-key=${path}`];
  for (const flag of [ca, cert, key]) {
    expect(() => load(["--redis", "redis://a", flag])).toThrow(
      /^redis-\w+ is .*some.pem \(flag --redis-\w+\), but the URL of redis \(flag --redis\) is not one of TLS/,
    );
  }
  for (const [half, name] of [
    [cert, "cert"],
    [key, "key"],
  ] as const) {
    const both = new RegExp(`^redis-${name} is .* but redis-cert and redis-key are needed both`);
    expect(() => load(["--redis", "rediss://a", half])).toThrow(both);
    expect(() => load(["--check", "--redis", "rediss://a", ca, half])).toThrow(both);
  }
  expect(load(["--redis", "rediss://a", ca, cert, key])).toMatchObject({ redisCa: path, redisCert: path });
  expect(load(["--redis", "off", ca])).toMatchObject({ redisCa: path });
});

test("files must be there, and paths start where they were written", () => {
  writeFileSync(join(directory, "ca.pem"), "");
  expect(load(["--config", file({ redisCa: "ca.pem" })]).redisCa).toBe(join(directory, "ca.pem"));
  expect(() => load(["--redis-cert", join(directory, "none.pem")])).toThrow(/redis-cert is .* but .* does not exist/);
  expect(load(["--config", file({ redis: "unix:r.sock" })]).redis).toMatchObject({
    address: { path: join(directory, "r.sock") },
  });
});

test("the secret may come from a file", () => {
  const path = join(directory, "secret");
  writeFileSync(path, "s3cret\n");
  expect(load([], { HOLDFAST_REDIS_SECRET_FILE: path }).redisSecret).toBe("s3cret");
});
