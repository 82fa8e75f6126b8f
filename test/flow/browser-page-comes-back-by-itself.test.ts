import { expect, test } from "vitest";
import { openBrowser } from "./support/browser.js";
import { type ChatPage, openChatPage, openChatPageApart } from "./support/chat-page.js";
import { connect } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { startProxy } from "./support/proxy.js";

/** While nothing answers, the browser itself reports each attempt. */
const REFUSED = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;

test("a page whose worker is killed comes back with its rooms, and a page on another worker notices nothing", async () => {
  const [host, browser] = await Promise.all([startHoldfast({ workers: 3 }), openBrowser()]);
  const ada = await openChatPage(browser, host, { name: "Ada" });
  const bob = await openChatPageApart(browser, host, [ada], { name: "Bob" });
  for (const room of ["harbour", "deck"]) await ada.join(room);
  await bob.join("harbour");
  await ada.untilNote("Bob joined #harbour");
  for (const page of [ada, bob]) await page.untilPeople(2);
  const [victim, witness] = [await ada.worker(), await bob.worker()];
  const bobsNotes = await bob.notes();
  await ada.page.getByRole("textbox", { name: "Message" }).fill("half a sentence");

  process.kill(victim.pid, "SIGKILL");
  await ada.untilNote("Joined again: #harbour, #deck");
  await ada.untilServed();

  expect(await ada.states()).toEqual(["connecting", "connected", "reconnecting", "connected"]);
  const served = await ada.worker();
  expect(served.pid).not.toBe(victim.pid);
  await expectServing(host, ada);
  expect((await ada.notes()).slice(-4)).toEqual([
    "The connection is lost. Reconnecting…",
    expect.stringMatching(/^Back after \d+\.\d s$/),
    `Now served by worker ${served.slot} (pid ${served.pid}) on host ${served.host}, generation 1`,
    "Joined again: #harbour, #deck",
  ]);
  const exit = await host.waitForLog("worker-exit");
  expect(exit.msg).toContain(`worker ${victim.slot} (pid ${victim.pid}) was killed by SIGKILL`);

  // Both ways, and with what was begun before.
  await bob.say("Still there, harbour?");
  await ada.untilMessage("Still there, harbour?");
  await ada.page.getByRole("textbox", { name: "Message" }).press("Enter");
  expect(await ada.messages()).toContain("BOB #harbour Still there, harbour?");
  await ada.untilMessage("half a sentence");
  await expectLiveCount(host, [ada, bob], 2);

  expect(await bob.worker()).toEqual(witness);
  expect(await bob.states()).toEqual(["connecting", "connected"]);
  expect(bob.closedWebSockets).toBe(0);
  expect(await bob.notes()).toEqual(bobsNotes);
  expect([ada, bob].flatMap(({ problems }) => problems)).toEqual([]);
});

test("after a reload all pages are served by the next generation, and say so", async () => {
  const [host, browser] = await Promise.all([startHoldfast({ workers: 2 }), openBrowser()]);
  const ada = await openChatPage(browser, host, { name: "Ada" });
  const bob = await openChatPageApart(browser, host, [ada], { name: "Bob" });
  await ada.join("harbour");
  host.signal("SIGHUP");
  for (const page of [ada, bob]) await page.untilNote("generation 2");
  await ada.untilNote("Joined again: #harbour");
  for (const page of [ada, bob]) {
    await page.untilServed();
    await expectServing(host, page);
    expect((await page.worker()).generation).toBe(2);
    expect(await page.states()).toEqual(["connecting", "connected", "reconnecting", "connected"]);
  }
  await bob.say("All hands?");
  await ada.untilMessage("All hands?");
  expect([ada, bob].flatMap(({ problems }) => problems)).toEqual([]);
});

test("a page that reaches nobody says so, keeps what is written, and comes back", async () => {
  const [host, browser] = await Promise.all([startHoldfast({ workers: 2 }), openBrowser()]);
  const proxy = await startProxy(host);
  const page = await openChatPage(browser, proxy, { name: "Ada" });
  await page.join("harbour");
  await page.writeTo("#harbour");

  proxy.refuse();
  proxy.resetAll();
  await page.untilState("offline");
  expect(await page.states()).toEqual(["connecting", "connected", "reconnecting", "offline"]);
  await page.say("Can you hear me?");
  expect(await page.page.getByRole("textbox", { name: "Message" }).inputValue()).toBe("Can you hear me?");
  expect(await page.page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);

  await proxy.accept();
  await page.untilNote("Joined again: #harbour");
  await page.untilServed();
  await page.page.getByRole("button", { name: "Send" }).click();
  await page.untilMessage("Can you hear me?");
  expect(await page.messages()).toEqual(["ADA #harbour Can you hear me?"]);
  expect(page.problems.filter((problem) => !REFUSED.test(problem))).toEqual([]);
});

/** The worker that the page names has its session, by the word of /status. */
async function expectServing(host: Holdfast, page: ChatPage): Promise<void> {
  const { slot, pid, generation } = await page.worker();
  await host.waitForStatus(({ workers }) =>
    workers.some((row) => row.slot === slot && row.pid === pid && row.generation === generation && row.sockets > 0),
  );
}

/** A count that stood still would pass for a right one: somebody comes and goes. */
async function expectLiveCount(host: Holdfast, pages: readonly ChatPage[], count: number): Promise<void> {
  const guest = await connect(host);
  for (const page of pages) await page.untilPeople(count + 1);
  guest.disconnect();
  for (const page of pages) await page.untilPeople(count);
}
