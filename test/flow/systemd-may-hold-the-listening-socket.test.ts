import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { spawnTracked } from "./support/cleanup.js";
import { connect } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { freePort } from "./support/free-port.js";
import { Holdfast } from "./support/holdfast.js";
import { childrenOf, environmentOf } from "./support/process.js";
import { head, openRaw } from "./support/raw.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PRIMARY = resolve(ROOT, process.env.TEST_DIST ?? "dist", "primary.js");

/** systemd's own tool for trying this: it listens, and becomes the program when the first connection comes. */
function activate(port: number): Holdfast {
  const program = [process.execPath, PRIMARY, resolve(ROOT, "test/fixtures/echo.mjs")];
  const settings = ["--workers", "2", "--manage", "127.0.0.1:0", "--log-format", "json"];
  const args = ["-l", `127.0.0.1:${port}`, ...program, ...settings];
  return new Holdfast(spawnTracked("systemd-socket-activate", args, { stdio: ["ignore", "pipe", "pipe"] }), {});
}

test("the socket of LISTEN_FDS is used, the connection that woke it is served, and no worker believes it has one", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const host = activate(Number(new URL(url).port));
  const first = await eventually(
    () => openRaw({ host: "127.0.0.1", port: Number(new URL(url).port) }),
    () => true,
  );
  first.write(head("GET /none HTTP/1.1"));
  await host.ready;
  expect(host.url).toBe(url);
  expect((await first.response()).status).toBe(404);
  const client = await connect({ url });
  expect(await client.emitWithAck("echo", 1)).toBe(1);
  for (const worker of childrenOf(host.pid)) {
    expect(environmentOf(worker).filter((entry) => entry.startsWith("LISTEN_"))).toEqual([]);
  }
  expect(await host.stop()).toEqual({ code: 0, signal: null });
});
