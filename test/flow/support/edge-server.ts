/** Starts a real proxy server (nginx.ts, haproxy.ts) and waits until it accepts. What it says when it ends instead is told. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { spawnTracked } from "./cleanup.js";
import type { Server } from "./client.js";
import { eventually } from "./eventually.js";

export type EdgeServer = Server & { readonly port: number };

const START_MS = 10_000;

/** `port` is where its configuration has it listen. */
export async function startEdgeServer(command: string, args: readonly string[], port: number): Promise<EdgeServer> {
  const server = spawnTracked(command, [...args]);
  const said = text(server.stderr as Readable);
  const ended = once(server, "exit").then(async () => Promise.reject(new Error(`${command} ended: ${await said}`)));
  const accepting = eventually(
    () => accepts(port),
    (open) => open,
    { withinMs: START_MS, what: `${command} accepting connections` },
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
