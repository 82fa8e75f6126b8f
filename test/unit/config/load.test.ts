import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ConfigError, UsageError } from "../../../src/config/error.js";
import { loadSettings } from "../../../src/config/load.js";
import type { Settings } from "../../../src/config/settings.js";

const directory = mkdtempSync(join(tmpdir(), "holdfast-load-"));
afterAll(() => rmSync(directory, { recursive: true }));

const PIPE = { isTTY: false };

function load(argv: string[], env: NodeJS.ProcessEnv = {}, terminal = PIPE): Settings {
  return run(argv, env, terminal).settings;
}

function run(argv: string[], env: NodeJS.ProcessEnv = {}, terminal = PIPE) {
  const loaded = loadSettings(argv, env, terminal);
  if (loaded.kind !== "run") throw new Error(`printed instead: ${loaded.text}`);
  return loaded;
}

function failure(argv: string[], env: NodeJS.ProcessEnv = {}): ConfigError | UsageError {
  try {
    loadSettings(argv, env, PIPE);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("these settings were accepted");
}

function configFile(content: object, name = "config.json"): string {
  const path = join(directory, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test("the defaults are those of the contract", () => {
  expect(load([])).toEqual({
    workers: "auto",
    workerTimeoutMs: 10_000,
    bootTimeoutMs: 30_000,
    drainTimeoutMs: 25_000,
    port: 3_000,
    host: "0.0.0.0",
    balance: "least-connection",
    redisPrefix: "socket.io",
    redisMode: "classic",
    redisRequired: false,
    headerTimeoutMs: 10_000,
    maxHeaderBytes: 16_384,
    recoveryBufferBytes: 64 * 1_024 ** 2,
    proxyProtocol: false,
    requestTimeoutMs: 300_000,
    maxBodyBytes: 200 * 1_024 ** 2,
    maxClientBufferBytes: 4 * 1_024 ** 2,
    manage: { host: "127.0.0.1", port: 9_464, explicit: false },
    logLevel: "info",
    logFormat: "json",
  });
});

test("on a terminal the log is pretty, unless asked otherwise", () => {
  expect(load([], {}, { isTTY: true }).logFormat).toBe("pretty");
  expect(load(["--log-format", "json"], {}, { isTTY: true }).logFormat).toBe("json");
});

test("flags beat the environment, which beats the file, which beats the default", () => {
  const config = ["--config", configFile({ port: 1, workers: 1, drainTimeout: "1s" })];
  const env = { HOLDFAST_PORT: "2", HOLDFAST_WORKERS: "2" };
  const settings = load([...config, "--port", "3"], env);
  expect(settings).toMatchObject({ port: 3, workers: 2, drainTimeoutMs: 1_000, maxHeaderBytes: 16_384 });
});

test("our own variable beats the common one", () => {
  expect(load([], { PORT: "4000", WEB_CONCURRENCY: "3" })).toMatchObject({ port: 4_000, workers: 3 });
  expect(load([], { PORT: "4000", HOLDFAST_PORT: "5000" }).port).toBe(5_000);
});

test("HOST is not read, and an empty variable is not set", () => {
  const env = { HOST: "x86_64-conda-linux-gnu", HOLDFAST_PORT: "", PORT: "", HOLDFAST_CONFIG: "" };
  expect(load([], env)).toMatchObject({ host: "0.0.0.0", port: 3_000 });
  expect(load([], { HOLDFAST_HOST: "::1" }).host).toBe("::1");
});

test("every flag sets its setting", () => {
  const argv = [
    ...["-w", "3", "-p", "0", "--host", "::1", "--balance", "ip-hash", "--header-timeout", "5s", "--max-header", "8kb"],
    ...["--worker-timeout", "3s", "--boot-timeout", "4s", "--drain-timeout", "0", "--manage", "off"],
    ...["--recovery", "on", "--recovery-window", "1m", "--recovery-buffer", "1mb"],
    ...["--redis", "rediss://r", "--redis-prefix", "p", "--redis-mode", "sharded", "--redis-required"],
    ...["--redis-secret", "s", "--redis-ca", import.meta.filename],
    ...["--redis-cert", import.meta.filename, "--redis-key", import.meta.filename],
    ...["--manage-token", "t0ken", "--log-level", "silent", "--log-format=pretty", import.meta.filename],
  ];
  expect(load(argv)).toMatchObject({
    app: import.meta.filename,
    workers: 3,
    port: 0,
    host: "::1",
    balance: "ip-hash",
    redis: { kind: "single", address: { host: "r", port: 6_379 }, database: 0, tls: true },
    redisPrefix: "p",
    redisMode: "sharded",
    redisRequired: true,
    redisSecret: "s",
    redisCa: import.meta.filename,
    redisCert: import.meta.filename,
    redisKey: import.meta.filename,
    headerTimeoutMs: 5_000,
    maxHeaderBytes: 8_192,
    workerTimeoutMs: 3_000,
    bootTimeoutMs: 4_000,
    drainTimeoutMs: 0,
    recovery: "on",
    recoveryWindowMs: 60_000,
    recoveryBufferBytes: 1_024 ** 2,
    manage: "off",
    manageToken: "t0ken",
    logLevel: "silent",
    logFormat: "pretty",
  });
});

test("the management address says whether somebody asked for it", () => {
  expect(load([]).manage).toMatchObject({ explicit: false });
  expect(load(["--manage", "127.0.0.1:9464"]).manage).toMatchObject({ explicit: true });
});

test("settings are frozen, all the way down", () => {
  const settings = load([]);
  expect(Object.isFrozen(settings) && Object.isFrozen(settings.manage)).toBe(true);
});

test("paths start at the working directory, those in the file at the file", () => {
  mkdirSync(join(directory, "apps"));
  writeFileSync(join(directory, "apps", "a.js"), "");
  const settings = load(["--config", configFile({ app: "apps/a.js", listen: "unix:run.sock" })]);
  expect(settings.app).toBe(join(directory, "apps", "a.js"));
  expect(settings.listen).toEqual([{ unix: join(directory, "run.sock") }]);
  expect(load(["package.json"]).app).toBe(join(process.cwd(), "package.json"));
});

test("the config file's keys may have hyphens, and HOLDFAST_CONFIG names it, too", () => {
  const path = configFile({ "drain-timeout": 1_234, logLevel: "warn" });
  expect(load([], { HOLDFAST_CONFIG: path })).toMatchObject({ drainTimeoutMs: 1_234, logLevel: "warn" });
});

test("where to listen is what the strongest source says about it", () => {
  const unix = [{ unix: "/run/x.sock" }];
  const file = ["--config", configFile({ listen: "unix:/run/x.sock" })];
  expect(load(file).listen).toEqual(unix);
  expect(load([...file, "--port", "80"]).listen).toBeUndefined();
  expect(load(file, { PORT: "80" }).listen).toBeUndefined();
  expect(load(["--listen", "unix:/run/x.sock"], { PORT: "80" }).listen).toEqual(unix);
  expect(load([], { HOLDFAST_LISTEN: "unix:/run/x.sock", PORT: "80" }).listen).toEqual(unix);
});

test("there may be several addresses, from each source in its way", () => {
  const both = [{ host: "::1", port: 80 }, { unix: "/run/a b,c.sock" }];
  expect(load(["--listen", "[::1]:80", "--listen", "unix:/run/a b,c.sock"]).listen).toEqual(both);
  expect(load([], { HOLDFAST_LISTEN: "[::1]:80, unix:/run/a b,c.sock" }).listen).toEqual(both);
  expect(load(["--config", configFile({ listen: ["[::1]:80", "unix:/run/a b,c.sock"] })]).listen).toEqual(both);
});

test("--listen and --port on one command line are wrong usage", () => {
  const error = failure(["--listen", "fd:3", "--port", "80"]);
  expect(error).toMatchObject({ exitCode: 2 });
  expect(error.message).toMatch(/--listen .* cannot be used with .*--port/);
});

test("a socket passed by systemd is used, unless a flag says where to listen", () => {
  const env = { LISTEN_FDS: "1", LISTEN_PID: String(process.pid), PORT: "80" };
  expect(load([], env).listen).toEqual([{ fd: 3 }]);
  expect(load(["--port", "81"], env)).toMatchObject({ port: 81 });
  expect(load(["--port", "81"], env).listen).toBeUndefined();
  expect(load([], { ...env, HOLDFAST_LISTEN: "fd:5" }).listen).toEqual([{ fd: 5 }]);
  expect(load([], { ...env, LISTEN_PID: "1" }).listen).toBeUndefined();
});

test("a wrong value is told with its key, itself, its source and what is allowed", () => {
  const flag = failure(["--port", "70000"]);
  expect(flag).toMatchObject({ exitCode: 78, code: "HOLDFAST_CONFIG_ERROR" });
  expect(flag.message).toBe('port is "70000" (flag --port), but must be a whole number from 0 to 65535');
  const variable = failure([], { WEB_CONCURRENCY: "many" });
  expect(variable.message).toContain('workers is "many" (environment WEB_CONCURRENCY), but must be auto, or a whole');
  const path = configFile({ drainTimeout: false });
  expect(failure(["--config", path]).message).toContain(
    `drain-timeout is false (file ${path}, key drainTimeout), but must be a duration from 0`,
  );
});

test("all wrong values are told at once", () => {
  const { message } = failure(["--port", "x", "--balance", "y"], { HOLDFAST_LOG_LEVEL: "z" });
  expect(message.match(/but must be/g)).toHaveLength(3);
});

test("a wrong value that a stronger source replaces does no harm", () => {
  expect(load(["--port", "1"], { PORT: "x" }).port).toBe(1);
});

test("an app that does not exist is told with its absolute path", () => {
  expect(failure(["missing.js"])).toMatchObject({
    exitCode: 78,
    message: `app is "missing.js" (argument APP), but ${join(process.cwd(), "missing.js")} does not exist`,
  });
});

test("a secret that is wrong is not repeated", () => {
  const path = configFile({ manageToken: { deep: "hunter2" } });
  for (const error of [
    failure(["--manage-token", "hunter2 hunter2"]),
    failure([], { HOLDFAST_MANAGE_TOKEN: "hunter2 hunter2" }),
    failure(["--config", path]),
  ]) {
    expect(error.message).toContain("manage-token is ********");
    expect(error.message).not.toContain("hunter2");
  }
});

test("a flag without content is wrong, not absent", () => {
  for (const flag of ["--config", "--port", "--manage-token"]) expect(failure([flag, ""]).exitCode).toBe(78);
});

test("the environment is left as it is", () => {
  const env = { LISTEN_FDS: "1", LISTEN_PID: String(process.pid), HOLDFAST_PORT: "1" };
  load([], Object.freeze(env));
});
