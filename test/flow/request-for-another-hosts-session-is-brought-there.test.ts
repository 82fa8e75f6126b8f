// docs/hosts.md, "Requests for another host's session": no load balancer needs to be sticky.
import { once } from "node:events";
import { beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { onCleanup } from "./support/cleanup.js";
import { eventually } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { startHosts } from "./support/hosts.js";
import { openSession, poll, post } from "./support/polling.js";
import { openRaw } from "./support/raw.js";
import { startRedis } from "./support/redis.js";

const MODES = [
  ["a secret in Redis", []],
  ["a secret made of --redis-secret", ["--redis-secret", "hush"]],
] as const;

describe.each(MODES)("with %s", (_, args) => {
  let here: Holdfast;
  let there: Holdfast;

  beforeAll(async () => {
    const redis = await startRedis();
    [here, there] = await startHosts({ redis: redis.url, args: [...args] });
    await reaching(here, there);
    await reaching(there, here);
  });

  test("polls and posts are answered by the owner, on one kept-alive connection", async () => {
    const [a, b] = [await openSession(there), await openSession(here)];
    const connection = await openRaw(here);
    expect(await post(connection, a, "40")).toMatchObject({ status: 200, body: Buffer.from("ok") });
    expect(await post(connection, b, "40")).toMatchObject({ status: 200 });
    expect(String((await poll(connection, a)).body)).toMatch(/^40{"sid":/);
    expect(String((await poll(connection, b)).body)).toMatch(/^40{"sid":/);
  });

  test("an upgrade is carried through, both ways", async () => {
    const sid = await openSession(there);
    const client = new WebSocket(`${here.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
    onCleanup(() => client.terminate());
    await once(client, "open");
    expect(await exchange(client, "2probe")).toBe("3probe");
    client.send("5");
    expect(await exchange(client, "40")).toMatch(/^40/);
    const text = "x".repeat(500_000);
    expect(await exchange(client, `420["echo","${text}"]`)).toBe(`430["${text}"]`);
  });
});

/** Sessions of `there` are known to every worker of `here`. */
async function reaching(here: Holdfast, there: Holdfast): Promise<void> {
  const sid = await openSession(there);
  await eventually(
    async () => (await post(await openRaw(here), sid, "40")).status,
    (status) => status === 200,
    { what: "a post to the other host's session" },
  );
}

async function exchange(client: WebSocket, text: string): Promise<string> {
  client.send(text);
  const [data] = await once(client, "message");
  return String(data);
}
