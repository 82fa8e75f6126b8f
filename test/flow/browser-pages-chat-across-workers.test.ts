import { expect, test } from "vitest";
import { openBrowser } from "./support/browser.js";
import { openChatPage, openChatPageApart } from "./support/chat-page.js";
import { startHoldfast } from "./support/holdfast.js";

test("two pages on different workers chat, and in a room nobody else hears them", async () => {
  const [host, browser] = await Promise.all([startHoldfast({ workers: 3 }), openBrowser()]);
  const ada = await openChatPage(browser, host, { name: "Ada" });
  const bob = await openChatPageApart(browser, host, [ada], { name: "Bob" });
  const eve = await openChatPage(browser, host, { name: "Eve" });
  for (const page of [ada, bob, eve]) await page.untilPeople(3);

  await ada.say("Hello from one worker");
  await bob.untilMessage("Hello from one worker");
  await bob.say("And back from another");
  for (const page of [ada, eve]) await page.untilMessage("And back from another");

  await ada.join("harbour");
  await bob.join("harbour");
  await ada.untilNote("Bob joined #harbour");
  await bob.say("Only the harbour reads this");
  await ada.untilMessage("Only the harbour reads this");
  await bob.writeTo("Everybody");
  await bob.say("Anchors aweigh");
  // Each sender's order is kept: had Eve been sent what was said in the room, it would have come by now.
  await eve.untilMessage("Anchors aweigh");
  expect(await eve.messages()).toEqual([
    "ADA Hello from one worker",
    "BOB And back from another",
    "BOB Anchors aweigh",
  ]);
  expect(await ada.messages()).toContain("BOB #harbour Only the harbour reads this");

  await eve.page.close();
  for (const page of [ada, bob]) await page.untilPeople(2);
  expect([ada, bob, eve].flatMap(({ problems }) => problems)).toEqual([]);
});

test("the page names its worker as /status and the log do", async () => {
  const [host, browser] = await Promise.all([
    startHoldfast({ workers: 2, args: ["--log-level", "debug"] }),
    openBrowser(),
  ]);
  const page = await openChatPage(browser, host, { name: "Ada" });
  const shown = await page.worker();
  const status = await host.status();
  expect(status.host).toBe(shown.host);
  expect(status.workers.find(({ pid }) => pid === shown.pid)).toMatchObject({
    slot: shown.slot,
    generation: shown.generation,
  });
  const line = await host.waitForLog(({ event, workerPid }) => event === "worker-forked" && workerPid === shown.pid);
  expect(line.msg).toBe(`worker ${shown.slot} was forked`);
});

test("a page that has no WebSocket chats over polling, whichever connections the browser uses", async () => {
  const [host, browser] = await Promise.all([startHoldfast({ workers: 3 }), openBrowser()]);
  const ada = await openChatPage(browser, host, { name: "Ada", transport: "polling" });
  const bob = await openChatPage(browser, host, { name: "Bob" });
  for (let i = 0; i < 20; i++) {
    await ada.say(`to ${i}`);
    await bob.untilMessage(`to ${i}`);
    await bob.say(`fro ${i}`);
    await ada.untilMessage(`fro ${i}`);
  }
  const expected = Array.from({ length: 20 }, (_, i) => [`ADA to ${i}`, `BOB fro ${i}`]).flat();
  expect(await ada.messages()).toEqual(expected);
  expect(await ada.states()).toEqual(["connecting", "connected"]);
  expect([ada, bob].flatMap(({ problems }) => problems)).toEqual([]);
});
