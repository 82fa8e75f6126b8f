import type { BrowserContextOptions, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { openBrowser } from "./support/browser.js";
import { type ChatPage, openChatPage } from "./support/chat-page.js";
import { connect } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";

const LONG_ROOM = "a-room-whose-name-is-as-long-as-the-field-allows-and-no-break";

describe.each([
  { width: 390, height: 844 },
  { width: 320, height: 568 },
])("on a phone of $width × $height", (viewport) => {
  test("everything is within the width, whatever people write, and the panel works by touch", async () => {
    const chat = await openOnPhone(viewport);
    const { page } = chat;
    expect(await outside(page)).toEqual([]);

    await page.getByRole("button", { name: "Rooms" }).tap();
    await page.getByLabel("Join a room").fill(LONG_ROOM);
    expect(await outside(page)).toEqual([]);
    await page.getByRole("button", { name: "Join", exact: true }).tap();
    await chat.untilNote("You joined #a-room");
    expect(await isOpen(page)).toBe(false);

    await page.getByRole("textbox", { name: "Message" }).fill(`${"x".repeat(300)} and words`);
    await page.getByRole("button", { name: "Send" }).tap();
    await chat.untilMessage(`${"x".repeat(300)} and words`);
    expect(await outside(page)).toEqual([]);
    expect(chat.problems).toEqual([]);
  });
});

test("names and texts of other clients do not widen it either", async () => {
  const [host, browser] = await Promise.all([startHoldfast({ workers: 2 }), openBrowser()]);
  const chat = await openChatPage(browser, host, { name: "Ada", context: phone({ width: 320, height: 568 }) });
  const stranger = await connect(host);
  stranger.emit("send-message", { username: "w".repeat(5_000), text_message: "m".repeat(5_000) });
  stranger.emit("say", { name: "n".repeat(5_000), to: "0" });
  await chat.untilNote("waves to everybody");
  expect(await chat.page.locator("#log .message").count()).toBe(1);
  expect(await outside(chat.page)).toEqual([]);
  expect(chat.problems).toEqual([]);
});

test("while the panel is open nothing behind it can be reached, and the focus returns", async () => {
  const { page } = await openOnPhone({ width: 390, height: 844 });
  const opener = page.getByRole("button", { name: "Rooms" });
  await opener.focus();
  await page.keyboard.press("Enter");
  expect(await isOpen(page)).toBe(true);
  expect(await page.locator("#close-panel").evaluate((button) => button === document.activeElement)).toBe(true);
  expect(await page.locator("#main").evaluate((main: HTMLElement) => main.inert)).toBe(true);
  await page.keyboard.press("Escape");
  expect(await isOpen(page)).toBe(false);
  expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true);
  await opener.tap();
  // Beside the panel.
  await page.touchscreen.tap(10, 400);
  expect(await isOpen(page)).toBe(false);
});

/** Without motion, so that the panel is never seen halfway. */
function phone(viewport: { width: number; height: number }): BrowserContextOptions {
  return { viewport, isMobile: true, hasTouch: true, deviceScaleFactor: 2, reducedMotion: "reduce" };
}

async function openOnPhone(viewport: { width: number; height: number }): Promise<ChatPage> {
  const [host, browser] = await Promise.all([startHoldfast({ workers: 2 }), openBrowser()]);
  return openChatPage(browser, host, { name: "Wilhelmina of the very long name", context: phone(viewport) });
}

function isOpen(page: Page): Promise<boolean> {
  return page
    .getByRole("button", { name: "Rooms", includeHidden: true })
    .evaluate((button) => button.ariaExpanded === "true");
}

/** What can be seen and stands out at a side, and whether the page itself can be moved sideways. The target cuts its text. */
function outside(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { width } = screen;
    const shown = [...document.querySelectorAll("body *")].filter(
      (element) =>
        element.checkVisibility({ visibilityProperty: true }) && !element.matches(".skip, .hidden, .target *"),
    );
    const out = shown.filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      return left < -1 || right > width + 1;
    });
    const names = out.map(({ tagName, id, className }) => `${tagName} ${id} ${className}`);
    const root = document.documentElement;
    const wide = Math.max(root.scrollWidth, document.body.scrollWidth, window.innerWidth) > width;
    return wide ? [`the page is ${root.scrollWidth} wide`, ...names] : names;
  });
}
