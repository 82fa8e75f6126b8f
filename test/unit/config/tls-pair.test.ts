import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load.js";
import { readTlsPair } from "../../../src/config/tls-pair.js";
import { createCertificate, type OwnCertificate } from "../../flow/support/certificate.js";

const directory = mkdtempSync(join(tmpdir(), "holdfast-tls-"));
let one: OwnCertificate;
let other: OwnCertificate;
beforeAll(() => {
  one = createCertificate(directory, { name: "one" });
  other = createCertificate(directory, { name: "other" });
});
afterAll(() => rmSync(directory, { recursive: true }));

test("a pair is read, with what the log says of it", () => {
  const { tls } = load("--tls-cert", one.certFile, "--tls-key", one.keyFile);
  expect(tls).toMatchObject({ cert: one.pem, key: readFileSync(one.keyFile, "utf8") });
  expect(tls?.subject).toContain("DNS:localhost");
  expect(tls?.expiresInMs).toBeGreaterThan(28 * 24 * 3_600_000);
});

test("without either there is no TLS", () => {
  expect(load().tls).toBeUndefined();
});

test("relative paths start where they were written", () => {
  const file = join(directory, "holdfast.json");
  writeFileSync(file, JSON.stringify({ tlsCert: "one.crt", tlsKey: "one.key" }));
  expect(load("--config", file).tls?.cert).toBe(one.pem);
});

test("an expired certificate is no error: the log warns of it", () => {
  const { settings } = load("--tls-cert", one.certFile, "--tls-key", one.keyFile);
  const later = Date.now() + 31 * 24 * 3_600_000;
  expect(readTlsPair(settings, () => "", later)?.expiresInMs).toBeLessThan(0);
});

test.each([
  [
    "half a pair",
    () => ["--tls-cert", one.certFile],
    () => "tls-key is not set, but tls-cert is (flag --tls-cert): TLS needs both, plain HTTP neither",
  ],
  [
    "a file that is not there",
    () => ["--tls-cert", `${one.certFile}.none`, "--tls-key", one.keyFile],
    () => `tls-cert is "${one.certFile}.none" (flag --tls-cert), but it cannot be read (ENOENT`,
  ],
  [
    "a directory",
    () => ["--tls-cert", one.certFile, "--tls-key", directory],
    () => `tls-key is "${directory}" (flag --tls-key), but it cannot be read (EISDIR`,
  ],
  [
    "a key where the certificate should be",
    () => ["--tls-cert", one.keyFile, "--tls-key", one.keyFile],
    () => `tls-cert is "${one.keyFile}" (flag --tls-cert), but it holds no certificate in PEM`,
  ],
  [
    "a certificate where the key should be",
    () => ["--tls-cert", one.certFile, "--tls-key", one.certFile],
    () => `tls-key is "${one.certFile}" (flag --tls-key), but it holds no private key in PEM`,
  ],
  [
    "the key of another certificate",
    () => ["--tls-cert", one.certFile, "--tls-key", other.keyFile],
    () => `tls-key is "${other.keyFile}" (flag --tls-key), but it is not the key of the certificate in ${one.certFile}`,
  ],
  [
    "a certificate that OpenSSL finds too weak",
    () => {
      const weak = createCertificate(directory, { name: "weak", newKey: ["rsa:512"] });
      return ["--tls-cert", weak.certFile, "--tls-key", weak.keyFile];
    },
    () => "but it cannot be served (",
  ],
])("%s is a wrong configuration that says what is wrong with which file", (_, args, text) => {
  for (const more of [[], ["--check"]]) {
    const error = failure(...args(), ...more);
    expect(error).toMatchObject({ exitCode: 78, code: "HOLDFAST_CONFIG_ERROR" });
    expect(error.message).toContain(text());
  }
});

function load(...argv: string[]) {
  const loaded = loadSettings(argv, {}, {});
  if (loaded.kind !== "run") throw new Error(loaded.text);
  return loaded;
}

function failure(...argv: string[]): Error {
  try {
    load(...argv);
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was accepted");
}
