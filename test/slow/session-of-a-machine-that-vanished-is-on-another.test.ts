// A machine without power says no goodbye: to Redis its connections are there until TCP gives up. As one whose processes
// all stand still.
import { expect, test } from "vitest";
import { clientOn, collect } from "../flow/support/client.js";
import { crossing, onlyAlive } from "../flow/support/host-death.js";
import { startHosts } from "../flow/support/hosts.js";
import { descendantsOf } from "../flow/support/process.js";
import { dropAndReturn, firstOf, returningClientOn } from "../flow/support/recovery.js";
import { startRedis } from "../flow/support/redis.js";
import { startSwitchboard } from "../flow/support/switchboard.js";

const BACK_WITHIN_MS = 20_000;

test("its clients come back elsewhere, and stay there when it turns out to have been away only", {
  timeout: 90_000,
}, async () => {
  const redis = await startRedis();
  const options = { app: "recovery.mjs", args: ["--recovery", "on", "--worker-timeout", "60s"] };
  const [here, there] = await startHosts({ redis: redis.url, ...options });
  await crossing([here, there]);
  const board = await startSwitchboard(here);
  const client = await returningClientOn(board, 0);
  const [said, id] = [collect(client, "said"), client.id];
  const far = await clientOn(there, 1);
  await client.emitWithAck("join", ["r"]);
  const tell = async (number: number) => {
    far.emit("say", "r", number);
    await said.untilCount(number + 1);
  };
  await tell(0);

  const stopped = [here.pid, ...descendantsOf(here.pid)];
  for (const pid of stopped) process.kill(pid, "SIGSTOP");
  await onlyAlive(1, redis);
  far.emit("say", "r", 1);
  board.sendTo(there);
  expect(await dropAndReturn(client)).toBe(true);
  await said.untilCount(2);

  for (const pid of stopped) process.kill(pid, "SIGCONT");
  await here.waitForStatus(({ recovery }) => recovery.sessions === 0, BACK_WITHIN_MS);
  await tell(2);
  expect(client.id).toBe(id);
  expect(firstOf(said.items)).toEqual([0, 1, 2]);
});
