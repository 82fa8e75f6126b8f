import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBrowser } from "./browser.js";
import { temporaryDirectory } from "./cleanup.js";
import { startNginx } from "./nginx.js";
import { openNotifySocket } from "./notify-socket.js";
import { startPlain } from "./plain.js";
import { startPm2 } from "./pm2.js";

test("nginx serves with the configuration given", async () => {
  const { url } = await startPlain("handler-app.mjs");
  const nginx = await startNginx((port) => `server { listen 127.0.0.1:${port}; location / { proxy_pass ${url}; } }`);
  const response = await fetch(`${nginx.url}/slot`);
  expect(await response.json()).toMatchObject({ slot: 0 });
  expect(response.headers.get("server")).toMatch(/nginx/);
});

test("nginx tells why it does not start", async () => {
  await expect(startNginx(() => "nonsense;")).rejects.toThrow(/unknown directive "nonsense"/);
});

test("a notify socket hears systemd-notify", async () => {
  const notify = await openNotifySocket();
  const sender = spawn("systemd-notify", ["--ready"], { env: { ...process.env, NOTIFY_SOCKET: notify.path } });
  await once(sender, "exit");
  expect(await notify.waitFor("READY=1")).toContain("READY=1");
});

test("pm2 runs in a home of its own", async () => {
  const script = join(temporaryDirectory(), "idle.cjs");
  writeFileSync(script, "setInterval(() => {}, 1000);");
  const pm2 = await startPm2();
  expect((await pm2.run("start", script, "--name", "idle")).code).toBe(0);
  expect(await pm2.list()).toMatchObject([{ name: "idle", pm2_env: { status: "online" } }]);
});

test("a browser shows a page", async () => {
  const { url } = await startPlain("handler-app.mjs");
  const page = await (await openBrowser()).newPage();
  await page.goto(`${url}/slot`);
  expect(await page.textContent("body")).toContain('"slot":0');
});
