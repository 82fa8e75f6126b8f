import { expect, test } from "vitest";
import { clientOn, collect, open } from "./support/client.js";
import { within } from "./support/eventually.js";
import { startHosts } from "./support/hosts.js";
import { sessionOf } from "./support/recovery.js";
import { startRedis } from "./support/redis.js";

const ON = { app: "recovery.mjs", args: ["--recovery", "on"] };

test("a client that comes to another host while its own lives has its session there", { timeout: 90_000 }, async () => {
  const redis = await startRedis();
  const [here, there] = await startHosts({ redis: redis.url, ...ON });
  for (const host of [here, there]) await host.waitForStatus(({ recovery }) => recovery.mode === "redis");
  const client = await clientOn(here, 0);
  const said = collect(client, "said");
  const far = await clientOn(there, 1);
  await client.emitWithAck("join", ["r"]);
  await client.emitWithAck("set", { name: "ada" });
  far.emit("say", "r", 0);
  await said.untilCount(1);
  const session = sessionOf(client);
  const { id } = client;
  const moved = open(there, { options: { auth: session } });
  const hello = collect(moved, "hello");
  await within(new Promise<void>((resolve) => moved.once("connect", () => resolve())), 10_000, "a connection");
  expect(moved.id).toBe(id);
  await hello.untilCount(1);
  expect(hello.items[0]?.[0]).toMatchObject({ recovered: true, data: { name: "ada" } });
});
