import { expect, test } from "vitest";
import { openBrowser } from "./browser.js";
import { openChatPage } from "./chat-page.js";
import { eventually } from "./eventually.js";
import { startHoldfast } from "./holdfast.js";

test("what a browser holds against a page is noticed: exceptions, violations, requests to others", async () => {
  const [host, browser] = await Promise.all([startHoldfast(), openBrowser()]);
  const { page, problems } = await openChatPage(browser, host, { name: "Ada" });
  expect(problems).toEqual([]);
  await page.evaluate(() => {
    document.body.setAttribute("style", "color: red");
    setTimeout(() => {
      throw new Error("thrown in the page");
    });
    // The page's policy leaves a WebSocket to others possible.
    new WebSocket("ws://localhost:1/");
  });
  const expected = [
    /^console: .*Content Security Policy/,
    /^exception: .*thrown in the page/,
    /^request: ws:\/\/localhost/,
  ];
  await eventually(
    () => problems,
    (seen) => expected.every((pattern) => seen.some((problem) => pattern.test(problem))),
  );
});
