import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readEnvironment, secretVariables } from "../../../src/config/environment.js";
import { ConfigError } from "../../../src/config/error.js";
import { forgetInheritedSockets } from "../../../src/config/socket-activation.js";

const directory = mkdtempSync(join(tmpdir(), "holdfast-environment-"));
afterAll(() => rmSync(directory, { recursive: true }));

function token(env: NodeJS.ProcessEnv) {
  return readEnvironment(env, directory).layer.get("manageToken");
}

test("a secret is read from the file that a variable names, without the line end", () => {
  writeFileSync(join(directory, "token"), "s3cret\n");
  expect(token({ HOLDFAST_MANAGE_TOKEN_FILE: "token" })).toMatchObject({
    value: "s3cret",
    source: "environment HOLDFAST_MANAGE_TOKEN_FILE",
  });
});

test("a secret's file that cannot be read is named", () => {
  expect(() => token({ HOLDFAST_MANAGE_TOKEN_FILE: "missing" })).toThrow(
    /^manage-token: the file named by environment HOLDFAST_MANAGE_TOKEN_FILE cannot be read \(ENOENT.*missing/,
  );
});

test("a secret given twice is refused", () => {
  const env = { HOLDFAST_MANAGE_TOKEN_FILE: "token", HOLDFAST_MANAGE_TOKEN: "x" };
  expect(() => token(env)).toThrow(ConfigError);
});

test("what may hold a secret is read from a file, too, and given to nobody else", () => {
  writeFileSync(join(directory, "urls"), "redis://:hush@a\nredis://:hush@b\n");
  const { layer, warnings } = readEnvironment({ HOLDFAST_REDIS_FILE: "urls" }, directory);
  expect(layer.get("redis")).toMatchObject({ value: "redis://:hush@a\nredis://:hush@b" });
  expect(warnings).toEqual([]);
  const names = ["HOLDFAST_REDIS", "HOLDFAST_REDIS_FILE", "HOLDFAST_REDIS_SECRET", "HOLDFAST_MANAGE_TOKEN"];
  expect(secretVariables()).toEqual(expect.arrayContaining(names));
  for (const name of ["REDIS_URL", "HOLDFAST_PORT"]) expect(secretVariables()).not.toContain(name);
});

test("only secrets are read from files", () => {
  const { layer } = readEnvironment({ HOLDFAST_PORT_FILE: "token" }, directory);
  expect(layer.size).toBe(0);
});

test("a variable that looks like one of ours is told, others with the prefix are not", () => {
  const { warnings } = readEnvironment(
    { HOLDFAST_WORKRES: "3", HOLDFAST_TEST_RUN: "x", HOLDFAST_PORT: "1" },
    directory,
  );
  expect(warnings).toEqual([
    "environment HOLDFAST_WORKRES is not a setting, and was ignored (did you mean HOLDFAST_WORKERS?)",
  ]);
});

test("what Kubernetes sets for a Service called holdfast is no port", () => {
  const env = { HOLDFAST_PORT: "tcp://10.0.0.1:80", HOLDFAST_SERVICE_HOST: "10.0.0.1", PORT: "8080" };
  const { layer, warnings } = readEnvironment(env, directory);
  expect(layer.get("port")).toMatchObject({ value: "8080", source: "environment PORT" });
  expect(warnings).toEqual([expect.stringContaining("Kubernetes")]);
});

test.each(["0", "-1", "x", "", undefined])("LISTEN_FDS=%s passes no socket", (fds) => {
  const { layer } = readEnvironment({ LISTEN_FDS: fds, LISTEN_PID: String(process.pid) }, directory);
  expect(layer.has("listen")).toBe(false);
});

test("all sockets that are passed are used", () => {
  const { layer, warnings } = readEnvironment({ LISTEN_FDS: "2", LISTEN_PID: String(process.pid) }, directory);
  expect(layer.get("listen")).toMatchObject({ value: ["fd:3", "fd:4"], source: "environment LISTEN_FDS" });
  expect(warnings).toEqual([]);
});

test("sockets are forgotten for whoever is started next", () => {
  const env = { LISTEN_FDS: "1", LISTEN_PID: "1", LISTEN_FDNAMES: "http", PATH: "/bin" };
  forgetInheritedSockets(env);
  expect(env).toEqual({ PATH: "/bin" });
});
