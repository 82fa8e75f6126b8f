// E20, E21: a host that stops says goodbye, one that vanishes is dropped within ten seconds; nobody waits for it longer.
import { expect, test } from "vitest";
import { act } from "../flow/support/act.js";
import { clientOn } from "../flow/support/client.js";
import { eventually } from "../flow/support/eventually.js";
import { joined, startHost, startHosts } from "../flow/support/hosts.js";
import { startRedis } from "../flow/support/redis.js";
import { fence, io, type RemoteError, run } from "../flow/support/remote.js";
import { startTalk, upTo } from "../flow/support/talk.js";

const GONE_MS = 10_000;
const ANSWER_MS = 5_000;

test.each(["classic", "sharded"] as const)("one that stops is forgotten at once, %s", async (mode) => {
  const redis = await startRedis();
  const [first, second] = await startHosts({ app: "conformance.mjs", redis: redis.url, mode });
  const client = await clientOn(first, 0);
  expect(await act(client, "serverCount")).toBe(4);
  await second.stop();
  await first.waitForStatus(({ redis: { hosts } }) => hosts === 1, 1_000);
  expect(await act(client, "serverCount")).toBe(2);
  const startedAt = performance.now();
  expect(await run(client, io.fetchSockets())).toHaveLength(1);
  expect(await run(client, io.serverSideEmitWithAck("server-slot"))).toEqual([1]);
  expect(performance.now() - startedAt).toBeLessThan(ANSWER_MS);
});

test.each(["SIGSTOP", "SIGKILL"] as const)("one that vanishes by %s is dropped, and comes back", async (signal) => {
  const redis = await startRedis();
  const [first, second] = await startHosts({ app: "conformance.mjs", redis: redis.url });
  const [client, far] = [await clientOn(first, 0), await clientOn(second, 0)];
  expect(await run(client, io.fetchSockets())).toHaveLength(2);
  const stoppedAt = performance.now();
  second.signal(signal);
  const asked = await run(client, io.fetchSockets()).catch((error) => error as RemoteError);
  expect(Array.isArray(asked) ? asked.length : asked.message).toSatisfy(
    (answer) => answer === 1 || /timeout/.test(String(answer)),
  );
  expect(performance.now() - stoppedAt).toBeLessThan(GONE_MS);
  await first.waitForStatus(({ redis: { hosts } }) => hosts === 1, GONE_MS);
  expect(performance.now() - stoppedAt).toBeLessThan(GONE_MS + 1_000);
  expect(await run(client, io.serverSideEmitWithAck("server-slot"))).toEqual([1]);
  expect(await act(client, "serverCount")).toBe(2);
  if (signal === "SIGKILL") {
    await joined([first, await startHost({ app: "conformance.mjs", redis: redis.url })]);
  } else {
    second.signal("SIGCONT");
    await joined([first, second]);
    await fence(client, [far]);
  }
  await eventually(
    () => act<number>(client, "serverCount"),
    (count) => count === 4,
  );
});

test("two hosts of one configuration, on one machine, are two", async () => {
  const redis = await startRedis();
  const [first, second] = await startHosts({ redis: redis.url, cwd: "/", env: { HOSTNAME: "cloned" } });
  const [speaker, near, far] = [await clientOn(first, 0), await clientOn(first, 1), await clientOn(second, 0)];
  const talk = startTalk(speaker, [near, far]);
  await talk.reaches(far);
  const sent = await talk.stop();
  await fence(speaker, [near, far]);
  for (const listener of [near, far]) expect(talk.heard(listener)).toEqual(upTo(sent));
  expect(await run(speaker, io.fetchSockets())).toHaveLength(3);
});
