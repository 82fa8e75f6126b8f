/** A service behind sockets that somebody else holds, as systemd does it: see socket-holder.py. */
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onCleanup, spawnTracked } from "./cleanup.js";
import { type CommandOptions, commandFor } from "./command.js";
import { within } from "./eventually.js";
import { freePort } from "./free-port.js";
import { Log, type LogLine } from "./log-line.js";

const HOLDER = fileURLToPath(new URL("./socket-holder.py", import.meta.url));
const READY_MS = 60_000;
const END_MS = 30_000;

export interface HeldService {
  /** One for each socket. */
  readonly urls: readonly string[];
  /** The ready line of the service that runs. */
  readonly ready: LogLine;
  /** Ends the service as `systemctl restart` does, and resolves when the next one is ready. */
  restart(): Promise<void>;
}

export async function startHeldService(sockets: number, options: CommandOptions): Promise<HeldService> {
  const ports: number[] = [];
  while (ports.length < sockets) ports.push(await freePort());
  const { file, args, env } = await commandFor({ ...options, env: { LISTEN_FDS: String(sockets), ...options.env } });
  const child = spawnTracked("python3", [HOLDER, ports.join(), file, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onCleanup(async () => {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await within(ended, END_MS, "the end of the service and its holder");
  });
  const log = new Log(child.stdout as Readable, child.stderr as Readable);
  const nextReady = (after: number) => {
    return log.waitFor(({ event }) => event === "ready", { withinMs: READY_MS, after, what: "a ready line" });
  };
  let ready = await nextReady(0);
  return {
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    get ready() {
      return ready;
    },
    async restart() {
      const after = log.lines.length;
      process.kill(ready.pid as number, "SIGTERM");
      ready = await nextReady(after);
    },
  };
}
