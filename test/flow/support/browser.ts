/**
 * A real browser: Debian's chromium, driven by playwright-core, which downloads none of its own.
 */
import { type Browser, chromium } from "playwright-core";
import { onCleanup } from "./cleanup.js";

const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** Root may not use chromium's sandbox; /dev/shm is small in containers. */
const ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];

export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  onCleanup(() => browser.close());
  return browser;
}
