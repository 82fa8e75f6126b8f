/**
 * A fixture in one plain Socket.IO process, the test's own: what it does there is what Holdfast must do on many workers.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Server } from "socket.io";
import { onCleanup } from "./cleanup.js";

const FIXTURES = new URL("../../fixtures/", import.meta.url).pathname;

/** The app finds what Holdfast gives it, as worker 0 of one. */
export async function startPlain(app: string): Promise<{ readonly url: string }> {
  const { default: run, options } = await import(pathToFileURL(resolve(FIXTURES, app)).href);
  const http = createServer();
  const io = new Server(options);
  onCleanup(() => io.close());
  await run(io, { http, worker: { slot: 0, pid: process.pid, generation: 1 }, host: "plain" });
  // Attached last, Engine.IO keeps its own requests from what the app has put on `http`, as Holdfast does.
  io.attach(http, options);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}
