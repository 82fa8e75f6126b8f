import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load.js";

const directory = mkdtempSync(join(tmpdir(), "holdfast-access-"));
afterAll(() => rmSync(directory, { recursive: true }));

const BCRYPT = "$2y$05$4Rn4Jc1bKC5TWNPy2s2MbuDfrHlU9UxC6P1LnKHp/RW9PdF4GSKHu";

function load(...argv: string[]) {
  const loaded = loadSettings(argv, {}, { isTTY: false });
  if (loaded.kind !== "run") throw new Error(`printed instead: ${loaded.text}`);
  return loaded.settings;
}

test("every flag of who may connect, and of limits, sets its setting", () => {
  const basicAuth = passwords(`ada:${BCRYPT}`);
  const argv = [
    ...["--cors-origin", "https://Example.com:443/", "--cors-origin", "http://localhost:8080", "--cors-origin", "null"],
    ...["--trust-proxy", "10.0.0.0/8,::1", "--trust-proxy", "unix", "--proxy-protocol", "--basic-auth", basicAuth],
    ...["--max-connections", "10", "--max-connections-per-ip", "5", "--connect-rate", "3/s"],
    ...["--request-timeout", "1m", "--max-body", "1mb", "--max-client-buffer", "64kb"],
  ];
  expect(load(...argv)).toMatchObject({
    corsOrigins: ["https://example.com", "http://localhost:8080", "null"],
    trustProxy: ["10.0.0.0/8", "::1", "unix"],
    proxyProtocol: true,
    basicAuth,
    maxConnections: 10,
    maxConnectionsPerIp: 5,
    connectRate: 3,
    requestTimeoutMs: 60_000,
    maxBodyBytes: 1_024 ** 2,
    maxClientBufferBytes: 64 * 1_024,
  });
});

test.each([
  ["--cors-origin", "example.com"],
  ["--cors-origin", "https://example.com/chat"],
  ["--cors-origin", "https://*.example.com"],
  ["--trust-proxy", "10.0.0.0/33"],
  ["--trust-proxy", "proxy.example.com"],
  ["--connect-rate", "5/m"],
  ["--connect-rate", "0"],
  ["--max-connections", "0"],
  ["--max-connections-per-ip", "-1"],
  ["--max-client-buffer", "1kb"],
])("%s %s is refused, and named", (flag, value) => {
  expect(() => load(`${flag}=${value}`)).toThrow(`(flag ${flag}), but must be a`);
  expect(() => load(`${flag}=${value}`)).toThrow(JSON.stringify(value));
});

test("the PROXY protocol from nobody is a mistake", () => {
  expect(() => load("--proxy-protocol")).toThrow("name the balancer there");
});

test.each([
  ["ada:secret", "line 1 holds a crypt hash or a plain password"],
  ["ada:rqXexS6ZhobKA", "line 1 holds a crypt hash or a plain password"],
  [`ada:${BCRYPT}\n\n# bob\nbob:$apr1$x$y`, "line 4 holds an MD5 hash (apr1)"],
  ["ada:$2y$03$4Rn4Jc1bKC5TWNPy2s2MbuDfrHlU9UxC6P1LnKHp/RW9PdF4GSKHu", "of a cost not from 4 to 17"],
  ["ada:{SHA}short", "line 1 holds a {SHA} hash that is malformed"],
  ["ada:$6$x$y", "line 1 holds a hash of another kind"],
  ["ada", "line 1 is not USER:HASH"],
  [`ada:${BCRYPT}\nada:${BCRYPT}`, 'line 2 names "ada" again'],
  ["# nobody", "it names no user"],
])("passwords that say %j are refused, without being shown", (text, problem) => {
  const path = passwords(text);
  expect(() => load("--basic-auth", path)).toThrow(`basic-auth is ${JSON.stringify(path)} (flag --basic-auth), but`);
  expect(() => load("--basic-auth", path)).toThrow(problem);
  expect(() => load("--basic-auth", path)).not.toThrow(/secret|rqXex|short/);
});

test("a password file that is not there is refused", () => {
  expect(() => load("--basic-auth", "nowhere")).toThrow("cannot be read (ENOENT");
});

function passwords(text: string): string {
  const path = join(directory, "htpasswd");
  writeFileSync(path, `${text}\n`);
  return path;
}
