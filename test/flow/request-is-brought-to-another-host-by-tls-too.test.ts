// docs/security.md: with --tls-cert hosts speak TLS with each other, and each has a certificate of its own.
import { beforeAll, expect, test } from "vitest";
import { ownerOf } from "../../src/protocol/session-id.js";
import { createCertificate } from "./support/certificate.js";
import { temporaryDirectory } from "./support/cleanup.js";
import { eventually } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { joined, startHost } from "./support/hosts.js";
import { ProtocolClient } from "./support/protocol.js";
import { startRedis } from "./support/redis.js";
import { tlsArgs } from "./support/tls.js";

const hosts: Holdfast[] = [];
const clients: ProtocolClient[] = [];

beforeAll(async () => {
  const redis = await startRedis();
  for (let i = 0; i < 2; i++) {
    const certificate = createCertificate(temporaryDirectory());
    const host = await startHost({ redis: redis.url, app: "secure.mjs", workers: 1, args: tlsArgs(certificate) });
    hosts.push(host);
    clients.push(new ProtocolClient({ url: host.url, ca: certificate.pem }));
  }
  await joined(hosts);
});

/** A session of the second host, which the first knows how to reach. */
async function sessionThere(): Promise<string> {
  const sid = await (clients[1] as ProtocolClient).openSession();
  await eventually(
    async () => (await (clients[0] as ProtocolClient).post(sid, "40")).status,
    (status) => status === 200,
    { what: "a post to the other host's session" },
  );
  return sid;
}

test("polls and posts arrive, and are as secure there", async () => {
  const [here, there] = clients as [ProtocolClient, ProtocolClient];
  const sid = await sessionThere();
  expect((await here.poll(sid)).body).toMatch(/^40\{/);
  expect((await here.post(sid, '421["requests"]')).status).toBe(200);
  const { body } = await there.poll(sid);
  const requests = JSON.parse(body.replace(/^431/, ""))[0] as { encrypted: boolean; address: string }[];
  expect(requests.length).toBeGreaterThan(2);
  for (const { encrypted, address } of requests) expect([encrypted, address]).toEqual([true, "127.0.0.1"]);
  await hosts[0]?.waitForStatus(({ counters }) => (counters.workerForwardedToHost ?? 0) > 2);
});

test("an upgrade is carried through, both ways", async () => {
  const sid = await sessionThere();
  expect(ownerOf(sid)).toBeDefined();
  const wire = await (clients[0] as ProtocolClient).upgrading(sid);
  wire.send("5");
  const text = "x".repeat(300_000);
  wire.send(`421["echo","${text}"]`);
  for (;;) {
    const message = String(await wire.next("6"));
    if (!message.startsWith("40")) {
      expect(message).toBe(`431["${text}"]`);
      break;
    }
  }
  await hosts[0]?.waitForStatus(({ counters }) => counters.workerRelays === 1);
});
