// G14, G18: a new certificate needs no restart, and a wrong one no repair at night.
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCanary } from "./support/canary.js";
import { type Certificate, createCertificate } from "./support/certificate.js";
import { temporaryDirectory } from "./support/cleanup.js";
import { startExpectingExit, startHoldfast } from "./support/holdfast.js";
import { head } from "./support/raw.js";
import { dialSecurely, type SecureServer, startSecurely, tlsArgs } from "./support/tls.js";

test("a reload serves the new certificate, resumes sessions of before, and fails nobody", async () => {
  const { host, server, certificate } = await startSecurely({ app: "echo.mjs" });
  const old = await dialSecurely(server);
  old.write(head("GET / HTTP/1.1"));
  expect((await old.response()).status).toBe(404);
  const { session } = old;
  const renewed = createCertificate(temporaryDirectory());
  const both = { url: host.url, ca: certificate.pem + renewed.pem };
  const canary = startCanary(both);
  replace(certificate, renewed);
  host.signal("SIGHUP");
  await host.waitForLog("reloaded", 30_000);
  expect(await fingerprintAt(both)).toBe(renewed.fingerprint);
  expect((await dialSecurely(both, { session })).tls.isSessionReused()).toBe(true);
  // Who came in the last moment of an old worker is told to come again, as all its clients are.
  const { failures } = await canary.stop();
  expect(failures.filter((failure) => failure !== "Error: disconnected: transport close")).toEqual([]);
  const said = host.lines.filter(({ event }) => event === "tls-certificate");
  expect(said.length).toBe(2);
});

test("a worker that is replaced meanwhile has the certificate of its generation, not what lies there now", async () => {
  const { host, server, certificate } = await startSecurely({ app: "echo.mjs", workers: 1 });
  const { pid } = await host.worker(0);
  writeFileSync(certificate.certFile, "not a certificate");
  process.kill(pid, "SIGKILL");
  await host.waitForStatus(({ workers }) => workers.some((worker) => worker.pid !== pid && worker.state === "ready"));
  expect(await fingerprintAt(server)).toBe(certificate.fingerprint);
});

test("a pair that cannot be used changes nothing, and the log says which file and why", async () => {
  const { host, server, certificate } = await startSecurely({ app: "echo.mjs" });
  const pids = (await host.workers()).map(({ pid }) => pid);
  const open = await dialSecurely(server);
  for (const [file, text, reason] of [
    [certificate.keyFile, createCertificate(temporaryDirectory()).keyFile, "it is not the key of the certificate"],
    [certificate.certFile, import.meta.filename, "it holds no certificate in PEM"],
  ] as const) {
    copyFileSync(text, file);
    const after = host.lines.length;
    host.signal("SIGHUP");
    const line = await host.waitForLog("reload-failed", 20_000, after);
    expect(line.reason).toContain(file);
    expect(line.reason).toContain(reason);
  }
  expect((await host.workers()).map(({ pid }) => pid)).toEqual(pids);
  expect(await fingerprintAt(server)).toBe(certificate.fingerprint);
  open.write(head("GET / HTTP/1.1"));
  expect((await open.response()).status).toBe(404);
});

test("that TLS is spoken at all is not changed by a reload: the log says that it needs a restart", async () => {
  const certificate = createCertificate(temporaryDirectory());
  const config = join(temporaryDirectory(), "holdfast.json");
  writeFileSync(config, JSON.stringify({ tlsCert: certificate.certFile, tlsKey: certificate.keyFile }));
  const host = await startHoldfast({ app: "echo.mjs", env: { HOLDFAST_CONFIG: config } });
  writeFileSync(config, "{}");
  host.signal("SIGHUP");
  expect((await host.waitForLog("restart-needed", 20_000)).settings).toEqual(["tlsCert", "tlsKey"]);
  await host.waitForLog("reloaded", 20_000);
  expect(await fingerprintAt({ url: host.url, ca: certificate.pem })).toBe(certificate.fingerprint);
});

test("a pair that is half, or does not match: 78, with the setting, the file and why", async () => {
  const directory = temporaryDirectory();
  const [one, other] = [createCertificate(directory, { name: "a" }), createCertificate(directory, { name: "b" })];
  const half = await startExpectingExit({ args: ["--tls-cert", one.certFile] });
  expect([half.code, half.stderr]).toEqual([
    78,
    "holdfast: tls-key is not set, but tls-cert is (flag --tls-cert): TLS needs both, plain HTTP neither\n",
  ]);
  const mixed = await startExpectingExit({ args: tlsArgs({ ...one, keyFile: other.keyFile }) });
  expect(mixed.code).toBe(78);
  expect(mixed.stderr).toContain(
    `tls-key is "${other.keyFile}" (flag --tls-key), but it is not the key of the certificate`,
  );
});

/** As a renewal does it: other content under the same names. */
function replace(files: Certificate, by: Certificate): void {
  copyFileSync(by.certFile, files.certFile);
  copyFileSync(by.keyFile, files.keyFile);
}

async function fingerprintAt(server: SecureServer): Promise<string> {
  const connection = await dialSecurely(server);
  return connection.tls.getPeerCertificate().fingerprint256;
}
