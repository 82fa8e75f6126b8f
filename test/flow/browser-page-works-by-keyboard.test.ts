import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { openBrowser } from "./support/browser.js";
import { openChatPage } from "./support/chat-page.js";
import { connect } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";

test("every control is reached by Tab, in the order of the page, and shows that it has the focus", async () => {
  const { chat } = await openPage();
  const { page, problems } = chat;
  const way = await tabThrough(page);
  expect(way.map(({ name }) => name)).toEqual([
    "Skip to the message box",
    "name",
    "everybody",
    "room",
    "Join",
    "log",
    "target",
    "text",
    "wave",
    "send",
  ]);
  expect(way.filter(({ outlined }) => !outlined)).toEqual([]);
  expect(problems).toEqual([]);
});

test("names, rooms, messages and greetings need no mouse", async () => {
  const { chat } = await openPage();
  const { page } = chat;
  const { keyboard } = page;
  await press(page, "Tab", "Enter");
  expect(await focused(page)).toBe("text");
  await keyboard.type("one line");
  await press(page, "Shift+Enter");
  await keyboard.type("and another");
  await press(page, "Enter");
  await chat.untilMessage("one line and another");

  await press(page, "Shift+Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab");
  expect(await focused(page)).toBe("room");
  await keyboard.type("harbour");
  await press(page, "Enter");
  await chat.untilNote("You joined #harbour");
  expect(await focused(page)).toBe("text");
  await keyboard.type("for the harbour");
  await press(page, "Enter");
  await chat.untilMessage("for the harbour");

  await press(page, "Shift+Tab", "Enter");
  expect(await focused(page)).toBe("harbour");
  await press(page, "ArrowUp");
  expect(await page.locator("#target").innerText()).toBe("To everybody");
  await press(page, "ArrowDown");
  expect(await page.locator("#target").innerText()).toBe("To #harbour");
  await press(page, "Tab");
  expect(await focused(page)).toBe("Leave harbour");
  await press(page, "Enter");
  await chat.untilNote("You left #harbour");
  // What had the focus is gone with the room; the focus is not.
  expect(await focused(page)).toBe("everybody");
  await page.locator("#text").focus();
  await press(page, "Tab", "Enter");
  await chat.untilNote("Ada waves to everybody");
  expect(await chat.messages()).toEqual(["ADA one line\nand another", "ADA #harbour for the harbour"]);
  expect(chat.problems).toEqual([]);
});

test("who reads back is not torn away by what comes, and gets to the end by keyboard", async () => {
  const { host, chat } = await openPage();
  const { page } = chat;
  const bob = await connect(host);
  for (let i = 1; i <= 40; i++) bob.emit("send-message", { username: "bob", text_message: `line ${i}` });
  await chat.untilMessage("line 40");
  const log = page.locator("#log");
  await log.focus();
  await press(page, "Home");
  await page.waitForFunction(() => document.getElementById("log")?.scrollTop === 0);
  bob.emit("send-message", { username: "bob", text_message: "the newest" });
  const latest = page.getByRole("button", { name: "New messages" });
  await latest.waitFor();
  expect(await log.evaluate(({ scrollTop }) => scrollTop)).toBe(0);
  await press(page, "Tab", "Enter");
  await latest.waitFor({ state: "hidden" });
  expect(await focused(page)).toBe("log");
  expect(await log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight)).toBeLessThan(2);
});

async function openPage() {
  const [host, browser] = await Promise.all([startHoldfast({ workers: 2 }), openBrowser()]);
  return { host, chat: await openChatPage(browser, host, { name: "Ada" }) };
}

/** What has the focus at each Tab, until it leaves the page. */
async function tabThrough(page: Page): Promise<{ name: string; outlined: boolean }[]> {
  const way: { name: string; outlined: boolean }[] = [];
  for (let i = 0; i < 30; i++) {
    await press(page, "Tab");
    const name = await focused(page);
    if (name === "") return way;
    way.push({ name, outlined: await isOutlined(page) });
  }
  throw new Error(`the focus never leaves the page: ${way.map(({ name }) => name)}`);
}

async function press(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** The id of what has the focus; without one the value, label or text. Nothing when no element of the page has it. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return "";
    const { value } = element as HTMLInputElement;
    return element.id || value || element.getAttribute("aria-label") || element.textContent || element.tagName;
  });
}

function isOutlined(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement as Element);
    return outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2;
  });
}
