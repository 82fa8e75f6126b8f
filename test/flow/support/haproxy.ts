/** A real HAProxy in front of what a test starts, with the configuration that the test gives, on a free port. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { spawnTracked, temporaryDirectory } from "./cleanup.js";
import type { Server } from "./client.js";
import { eventually } from "./eventually.js";
import { freePort } from "./free-port.js";

const START_MS = 10_000;

/** `-db`: one process, in the foreground. */
export async function startHaproxy(
  configuration: (port: number) => string,
): Promise<Server & { readonly port: number }> {
  const port = await freePort();
  const file = join(temporaryDirectory(), "haproxy.cfg");
  writeFileSync(file, `global\n  maxconn 1000\n${configuration(port)}\n`);
  const haproxy = spawnTracked("haproxy", ["-db", "-f", file]);
  const said = text(haproxy.stderr as Readable);
  const ended = once(haproxy, "exit").then(async () => Promise.reject(new Error(`haproxy ended: ${await said}`)));
  const accepting = eventually(
    () => accepts(port),
    (open) => open,
    { withinMs: START_MS, what: "haproxy accepting connections" },
  );
  await Promise.race([accepting, ended]);
  return { url: `http://127.0.0.1:${port}`, port };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } finally {
    socket.destroy();
  }
}
