/** A client of the jitter case: it tries until it is let in, and notes which messages it has had. */
import { RecoveringClient } from "./recovering-client.js";

const GREETING = "hello";
const RETRY_MS = 500;

export class JitterClient {
  slot = 0;
  twice = 0;
  cuts = 0;
  failed = 0;
  /** When each message was sent, which names it. */
  readonly #got = new Set<number>();
  readonly #connection: RecoveringClient;
  #isClosed = false;

  constructor(url: string) {
    this.#connection = new RecoveringClient(url);
    this.#connection.onEvent = (event, [first]) => this.#onEvent(event, first as number);
  }

  get received(): number {
    return this.#got.size;
  }

  get recovered(): number {
    return this.#connection.recovered;
  }

  async connect(): Promise<void> {
    while (!this.#isClosed && !(await this.#connection.connect(GREETING))) {
      this.failed++;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  cut(): void {
    this.cuts++;
    this.#connection.cut();
  }

  emit(...event: unknown[]): void {
    this.#connection.emit(...event);
  }

  close(): void {
    this.#isClosed = true;
    this.#connection.cut();
  }

  #onEvent(event: string, first: number): void {
    if (event === GREETING) this.slot = first;
    if (event !== "tick") return;
    if (this.#got.has(first)) this.twice++;
    this.#got.add(first);
  }
}
