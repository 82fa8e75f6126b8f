/** The place of one host: whoever serves there now can be killed and is followed by another on the same port. */
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../flow/support/eventually.js";
import { type Holdfast, startHoldfast } from "../flow/support/holdfast.js";
import { descendantsOf } from "../flow/support/process.js";
import { send } from "./signal.js";

const READY_MS = 60_000;
/** Below those that the kernel gives to outgoing connections: nobody else has the port while the host is down. */
const PORTS = { from: 20_000, to: 32_000 };

export interface SeatOptions {
  readonly workers: number;
  readonly args: readonly string[];
}

export async function startSeat(options: SeatOptions): Promise<Seat> {
  const seat = new Seat(options, await freePort());
  await seat.start();
  return seat;
}

export class Seat {
  /** Nobody serves. */
  isDown = true;
  readonly #options: SeatOptions;
  readonly #port: number;
  #holdfast: Holdfast | undefined;
  #boot = "";

  constructor(options: SeatOptions, port: number) {
    this.#options = options;
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get holdfast(): Holdfast {
    return this.#holdfast as Holdfast;
  }

  /** Who serves now, as session ids and senders name it. */
  get boot(): string {
    return this.#boot;
  }

  async start(): Promise<void> {
    const { workers, args } = this.#options;
    this.#holdfast = await startHoldfast({
      app: "history.mjs",
      workers,
      readyWithinMs: READY_MS,
      args: ["--port", String(this.#port), "--host", "127.0.0.1", ...args],
    });
    this.#boot = (await this.#holdfast.status()).host.slice(-4);
    this.isDown = false;
  }

  /** As a supervisor of services would have it: the primary is gone, and its successor comes at once. */
  async killPrimary(): Promise<void> {
    this.isDown = true;
    const { holdfast } = this;
    const workers = descendantsOf(holdfast.pid);
    holdfast.signal("SIGKILL");
    await holdfast.exited;
    await this.start();
    await eventually(
      async () => workers.filter(isThere),
      (left) => left.length === 0,
      { what: "the workers of the dead primary are gone", withinMs: 10_000 },
    );
  }

  /** As a power cut would have it. */
  async killAll(downMs: number): Promise<void> {
    this.isDown = true;
    const { holdfast } = this;
    const workers = descendantsOf(holdfast.pid);
    holdfast.signal("SIGKILL");
    for (const pid of workers) send(pid, "SIGKILL");
    await holdfast.exited;
    await sleep(downMs);
    await this.start();
  }

  /** Another than the only one that serves. */
  async someWorker(choose: <T>(from: readonly T[]) => T): Promise<number | undefined> {
    try {
      const ready = (await this.holdfast.workers()).filter(({ state }) => state === "ready");
      return ready.length > 1 ? choose(ready).pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** And nothing waits here any more that should have crossed: it would be lost with the next time that Redis is away. */
  async hasRedis(): Promise<boolean> {
    if (this.isDown) return false;
    return this.holdfast.status().then(
      ({ redis, counters }) => redis.state === "ready" && counters.redisBacklogBytes === 0,
      () => false,
    );
  }

  /** How often it has told that it missed something; undefined while it cannot be asked. */
  async gaps(): Promise<number | undefined> {
    if (this.isDown) return undefined;
    return this.holdfast.status().then(
      ({ counters }) => counters.uplinkGaps ?? 0,
      () => undefined,
    );
  }
}

function isThere(pid: number): boolean {
  return send(pid, 0);
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
