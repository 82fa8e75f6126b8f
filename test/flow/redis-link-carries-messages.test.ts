import { expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { startRedis } from "./support/redis.js";
import { startLink } from "./support/redis-link.js";

test.each(["classic", "sharded"] as const)("messages reach subscribers, %s", async (mode) => {
  const redis = await startRedis();
  const [ada, bob] = [await startLink(redis.url, { mode }), await startLink(redis.url, { mode })];
  await bob.link.subscribe(["test#a", "test#b"]);
  for (let n = 0; n < 100; n++) ada.link.publish("test#a", Buffer.from(`m${n}`));
  ada.link.publish("test#b", "text");
  await bob.heard("text");
  expect(bob.texts).toEqual([...Array.from({ length: 100 }, (_, n) => `m${n}`), "text"]);
  expect(await ada.link.countSubscribers(["test#a", "test#none"])).toEqual([1, 0]);
  bob.link.unsubscribe(["test#a"]);
  await eventually(
    () => ada.link.countSubscribers(["test#a"]),
    ([count]) => count === 0,
  );
  ada.link.publish("test#a", "too late");
  ada.link.publish("test#b", "after");
  await bob.heard("after");
  expect(bob.texts).not.toContain("too late");
  expect((await redis.clients()).length).toBe(4);
});
