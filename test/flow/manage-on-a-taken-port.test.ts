import { once } from "node:events";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { onCleanup, spawnTracked } from "./support/cleanup.js";
import { Holdfast, startExpectingExit } from "./support/holdfast.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PRIMARY = resolve(ROOT, process.env.TEST_DIST ?? "dist", "primary.js");
const DEFAULT_PORT = 9464;

async function hold(port: number): Promise<number> {
  const holder = createServer().listen(port, "127.0.0.1");
  onCleanup(() => holder.close());
  // The default port may be held already, by another Holdfast on this machine, and that is just as good.
  await Promise.race([once(holder, "listening"), once(holder, "error")]);
  return (holder.address() as { port: number } | null)?.port ?? port;
}

test("an explicit management address that is taken ends the start with code 5 and names it", async () => {
  const port = await hold(0);
  const { code, stdout, stderr } = await startExpectingExit({ args: ["--manage", `127.0.0.1:${port}`] });
  expect(code).toBe(5);
  expect(stdout + stderr).toContain(`127.0.0.1:${port}`);
});

test("the default management address, taken, is warned of, and Holdfast serves without it", async () => {
  await hold(DEFAULT_PORT);
  const args = [PRIMARY, "--port", "0", "--host", "127.0.0.1", "--workers", "1", "--log-format", "json"];
  const host = new Holdfast(spawnTracked(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] }), {});
  await host.ready;
  expect((await host.waitForLog("manage-off")).msg).toContain(`127.0.0.1:${DEFAULT_PORT}`);
  expect((await fetch(`${host.url}/headers`)).status).toBe(200);
  expect(await host.stop()).toEqual({ code: 0, signal: null });
});
