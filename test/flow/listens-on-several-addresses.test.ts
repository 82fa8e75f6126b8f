// Issue 4, Listening: IPv6, Unix sockets, and more than one address at once.
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./support/cleanup.js";
import { connect } from "./support/client.js";
import { freePort } from "./support/free-port.js";
import { startExpectingExit, startHoldfast } from "./support/holdfast.js";
import { head, openRaw } from "./support/raw.js";

test.each([
  ["::1", /^http:\/\/\[::1\]:\d+$/],
  ["::", /^http:\/\/\[::1\]:\d+$/],
])("--host %s is IPv6, with brackets in the URL", async (address, url) => {
  const host = await startHoldfast({ app: "address.mjs", args: ["--host", address] });
  expect(host.url).toMatch(url);
  const client = await connect(host);
  expect(await client.emitWithAck("address")).toBe("::1");
  if (address !== "::") return;
  // All addresses, those of IPv4 among them.
  const old = await connect({ url: `http://127.0.0.1:${new URL(host.url).port}` });
  expect(await old.emitWithAck("address")).toBe("::ffff:127.0.0.1");
});

test("each address given is listened on, and a stop closes all", async () => {
  const path = join(temporaryDirectory(), "web.sock");
  const port = await freePort();
  const listen = [`127.0.0.1:${port}`, `unix:${path}`, "[::1]:0"];
  const host = await startHoldfast({ app: "echo.mjs", args: listen.flatMap((where) => ["--listen", where]) });
  const { url, urls } = (await host.ready) as unknown as { url: string; urls: string[] };
  expect(url).toBe(`http://127.0.0.1:${port}`);
  expect(urls).toEqual([url, `unix:${path}`, expect.stringMatching(/^http:\/\/\[::1\]:\d+$/)]);
  for (const each of [url, urls[2] as string])
    expect(await (await connect({ url: each })).emitWithAck("echo", 1)).toBe(1);
  const local = await openRaw({ path });
  local.write(head("GET / HTTP/1.1"));
  expect((await local.response()).status).toBe(404);
  expect(await host.stop()).toEqual({ code: 0, signal: null });
  for (const target of [{ port, host: "127.0.0.1" }, { path }]) await expect(openRaw(target)).rejects.toThrow();
});

test("when one of several cannot be had the start ends with 5 and names it", async () => {
  const taken = await startHoldfast({ app: "echo.mjs" });
  const { host } = new URL(taken.url);
  const path = join(temporaryDirectory(), "web.sock");
  const start = await startExpectingExit({ app: "echo.mjs", args: ["--listen", `unix:${path}`, "--listen", host] });
  expect(start.code).toBe(5);
  expect(start.stderr).toContain(`EADDRINUSE ${host} (held by pid ${taken.pid})`);
  // The socket that was there for a moment is gone, too.
  await expect(openRaw({ path })).rejects.toThrow("ENOENT");
});
