/** One of the two connections to a Redis: there is a new one, after a wait that grows, whenever one is lost. */
import type { Redis } from "ioredis";
import { backoffMs } from "./backoff.js";
import type { Client, OpenClient } from "./connect.js";

export interface ConnectionEvents {
  /** Makes a new client fit for use; it is not open before. What it rejects with is why the client is given up. */
  prepare(client: Redis): Promise<void>;
  /** `failures`: losses and vain attempts before it, 0 for the first connection of all. */
  onOpen(failures: number): void;
  /** An open one was lost, or one could not be opened. */
  onLost(error: Error, wasOpen: boolean): void;
}

/** Subscribing to very many channels takes a while. */
const PREPARE_MS = 10_000;
/** What was lost before has not been well, and the wait goes on growing. */
const WELL_AFTER_MS = 2_000;

export class Connection {
  readonly #open: OpenClient;
  readonly #events: ConnectionEvents;
  #client: Client | undefined;
  #isOpen = false;
  #isClosed = false;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(open: OpenClient, events: ConnectionEvents) {
    this.#open = open;
    this.#events = events;
  }

  /** The open one. */
  get redis(): Redis | undefined {
    const redis = this.#isOpen ? this.#client?.redis : undefined;
    return redis?.status === "ready" ? redis : undefined;
  }

  start(): void {
    this.#attempt().catch((error: Error) => this.#failed(error));
  }

  /** Gives up the client that there is, open or being prepared. */
  replace(reason: Error): void {
    this.#client?.destroy(reason);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#isOpen = false;
    this.#client?.destroy(new Error("closed"));
  }

  async #attempt(): Promise<void> {
    const client = await this.#open();
    if (this.#isClosed) return client.destroy(new Error("closed"));
    this.#client = client;
    await this.#prepare(client);
    if (this.#isClosed) return;
    this.#isOpen = true;
    const openedAtMs = performance.now();
    void client.ended.then((error) => {
      if (performance.now() - openedAtMs > WELL_AFTER_MS) this.#failures = 0;
      this.#failed(error);
    });
    this.#events.onOpen(this.#failures);
  }

  async #prepare(client: Client): Promise<void> {
    const late = setTimeout(
      () => client.destroy(new Error(`Redis did not confirm the subscriptions within ${PREPARE_MS} ms`)),
      PREPARE_MS,
    );
    try {
      const ended = client.ended.then((error) => Promise.reject(error));
      await Promise.race([this.#events.prepare(client.redis), ended]);
    } catch (error) {
      client.destroy(error as Error);
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  #failed(error: Error): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#client = undefined;
    if (this.#isClosed) return;
    this.#failures++;
    this.#retry = setTimeout(() => this.start(), backoffMs(this.#failures, Math.random()));
    this.#events.onLost(error, wasOpen);
  }
}
