/**
 * The clients that stay connected while something is measured. Runs in the load client; counts what they receive.
 */
import type { ConnectCommand, Connected, JoinCommand, LoadCommand, Loaded } from "./command.js";
import { LatencyRecord, monotonicUs } from "./latency-record.js";
import { ConnectFailed, connectRaw, type RawClient } from "./raw-client.js";

const CONNECT_WITHIN_MS = 1_000;
/** The recipe hangs some connects and may put two clients on one worker; a side that never succeeds must end the run. */
const ATTEMPTS_PER_CLIENT = 20;
const LATE_BY_MS = 5_000;
const TICK_MS = 2;
const TEXT_BYTES = 100;

export class Fleet {
  #clients: RawClient[] = [];

  async connect(command: ConnectCommand): Promise<Connected> {
    const opening = new Opening(command);
    await opening.done();
    this.#clients.push(...opening.kept);
    return { slots: this.#clients.map((client) => client.slot), failed: opening.failed };
  }

  join({ client, room }: JoinCommand): Promise<undefined> {
    return this.#client(client)
      .request("join", room)
      .then(() => undefined);
  }

  async load(command: LoadCommand): Promise<Loaded> {
    const expected = command.count * command.receivers;
    const latency = new LatencyRecord();
    const received = this.#receive(expected, command, latency);
    if (command.chat) this.#say(command);
    else this.#tellEmitters(command);
    const count = await received;
    return { received: count, lost: expected - count, latency: latency.summary };
  }

  async disconnect(): Promise<undefined> {
    await Promise.all(this.#clients.map((client) => client.close()));
    this.#clients = [];
  }

  /** Resolves with the number of messages when all are there, or when they are overdue. */
  #receive(expected: number, { count, ratePerSecond }: LoadCommand, latency: LatencyRecord): Promise<number> {
    return new Promise((resolve) => {
      let received = 0;
      const overdue = setTimeout(() => resolve(received), (count / ratePerSecond) * 1000 + LATE_BY_MS);
      const onTick = (emittedUs: number) => {
        latency.since(emittedUs);
        if (++received < expected) return;
        clearTimeout(overdue);
        resolve(received);
      };
      for (const client of this.#clients) client.onTick = onTick;
    });
  }

  /** Each emitter has its share of the rate, and they start apart, as clients in the world would. */
  #tellEmitters({ emitters, ratePerSecond, burst, count, room }: LoadCommand): void {
    const share = { ratePerSecond: ratePerSecond / emitters.length, burst, count: count / emitters.length };
    emitters.forEach((index, i) => {
      const delayMs = (i * burst * 1000) / ratePerSecond;
      this.#client(index).emit("load", { ...share, delayMs, room, textBytes: TEXT_BYTES });
    });
  }

  /** What is due by the clock, one client after the other. */
  #say({ emitters, ratePerSecond, count }: LoadCommand): void {
    const startedUs = monotonicUs();
    let said = 0;
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((monotonicUs() - startedUs) * ratePerSecond) / 1e6));
      for (; said < due; said++) this.#client(emitters[said % emitters.length] as number).say(TEXT_BYTES);
      if (said === count) clearInterval(timer);
    }, TICK_MS);
  }

  #client(index: number): RawClient {
    const client = this.#clients[index];
    if (!client) throw new Error(`there is no client ${index}`);
    return client;
  }
}

/** Connects until there are enough clients, a few at a time. */
class Opening {
  readonly kept: RawClient[] = [];
  failed = 0;
  readonly #command: ConnectCommand;
  readonly #spare: RawClient[] = [];
  #attempts = 0;
  #underWay = 0;

  constructor(command: ConnectCommand) {
    this.#command = command;
  }

  async done(): Promise<void> {
    await Promise.all(Array.from({ length: this.#command.concurrency }, () => this.#connectInTurn()));
    // A spare is kept until now, so that a side that balances puts the next client elsewhere.
    await Promise.all(this.#spare.map((client) => client.close()));
  }

  async #connectInTurn(): Promise<void> {
    while (this.kept.length + this.#underWay < this.#command.clients) {
      if (++this.#attempts > this.#command.clients * ATTEMPTS_PER_CLIENT) throw new Error("too many connects failed");
      this.#underWay++;
      await this.#connectOne().finally(() => this.#underWay--);
    }
  }

  async #connectOne(): Promise<void> {
    try {
      const { url, chat } = this.#command;
      this.#keep(await connectRaw(url, CONNECT_WITHIN_MS, chat ? { chatAddress: this.#attempts } : {}));
    } catch (error) {
      if (!(error instanceof ConnectFailed)) throw error;
      this.failed++;
    }
  }

  #keep(client: RawClient): void {
    const taken = this.#command.apart && this.kept.some(({ slot }) => slot === client.slot);
    (taken ? this.#spare : this.kept).push(client);
  }
}
