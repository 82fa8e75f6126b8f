// F05: the wall clock of a host jumps forth and back, by libfaketime; hosts and clients do not notice.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../flow/support/cleanup.js";
import { clientOn } from "../flow/support/client.js";
import { joined, startHost } from "../flow/support/hosts.js";
import { startRedis } from "../flow/support/redis.js";
import { fence, io, run } from "../flow/support/remote.js";
import { startTalk, upTo } from "../flow/support/talk.js";

test("a clock that jumps costs no client, no host and no message", async () => {
  const file = join(temporaryDirectory(), "clock");
  writeFileSync(file, "+0\n");
  const redis = await startRedis();
  const env = {
    LD_PRELOAD: libfaketime(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    DONT_FAKE_MONOTONIC: "1",
  };
  const [jumping, steady] = await Promise.all([
    startHost({ redis: redis.url, env, app: "clock.mjs" }),
    startHost({ redis: redis.url, app: "clock.mjs" }),
  ]);
  await joined([jumping, steady]);
  const [speaker, near, far] = [await clientOn(jumping, 0), await clientOn(jumping, 1), await clientOn(steady, 0)];
  const ended: string[] = [];
  for (const client of [speaker, near, far]) client.on("disconnect", (reason) => ended.push(reason));
  const talk = startTalk(speaker, [near, far]);
  const back = startTalk(far, [speaker]);
  for (const jump of ["+3600", "-3600", "+11", "+0", "+3600", "+0"]) {
    writeFileSync(file, `${jump}\n`);
    // It is the app's own clock that has jumped.
    const seconds = (await speaker.emitWithAck("clock")) / 1_000 - Date.now() / 1_000;
    expect(Math.abs(seconds - Number(jump))).toBeLessThan(5);
    await talk.reaches(far);
    await back.reaches(speaker);
    await spanned(3_000);
    expect(await run(speaker, io.fetchSockets())).toHaveLength(3);
    expect(await run(far, io.fetchSockets())).toHaveLength(3);
    expect((await steady.status()).redis.hosts).toBe(2);
  }
  const [sent] = await Promise.all([talk.stop(), back.stop()]);
  await fence(speaker, [near, far]);
  for (const listener of [near, far]) expect(talk.heard(listener)).toEqual(upTo(sent));
  expect(ended).toEqual([]);
});

/** Longer than hosts wait between two announcements. */
function spanned(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function libfaketime(): string {
  const directories = readdirSync("/usr/lib").map((name) => join("/usr/lib", name, "faketime"));
  for (const directory of directories) {
    try {
      const file = readdirSync(directory).find((name) => name.startsWith("libfaketimeMT.so"));
      if (file) return join(directory, file);
    } catch {
      // Another of the directories has it.
    }
  }
  throw new Error("libfaketime is not there: apt-get install faketime");
}
