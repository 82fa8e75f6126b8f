/**
 * One client that can lose its connection and come back: bare frames, with the part of Socket.IO's client that recovery
 * needs. It keeps the private id and the last argument of each event, if that is a text, and sends both when it connects.
 */
import { WebSocket } from "ws";

const CONNECT_WITHIN_MS = 3_000;
const RETRY_MS = 500;

export class JitterClient {
  slot = 0;
  twice = 0;
  cuts = 0;
  recovered = 0;
  failed = 0;
  readonly #url: string;
  /** When each message was sent, which names it. */
  readonly #got = new Set<number>();
  #isListening = false;
  #isClosed = false;
  #socket: WebSocket | undefined;
  #pid: string | undefined;
  #offset: string | undefined;

  constructor(url: string) {
    this.#url = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
  }

  get received(): number {
    return this.#got.size;
  }

  listen(): void {
    this.#isListening = true;
  }

  /** Tries until it is let in. */
  async connect(): Promise<void> {
    while (!this.#isClosed && !(await this.#connectOnce())) {
      this.failed++;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Without a word, as a network would. */
  cut(): void {
    this.cuts++;
    this.#socket?.terminate();
  }

  emit(...event: unknown[]): void {
    this.#socket?.send(`42${JSON.stringify(event)}`);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.terminate();
  }

  /** Whether it was let in in time. */
  #connectOnce(): Promise<boolean> {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false, skipUTF8Validation: true });
    this.#socket = socket;
    return new Promise((resolve) => {
      const settle = (isIn: boolean) => {
        clearTimeout(timer);
        if (!isIn) socket.terminate();
        resolve(isIn);
      };
      const timer = setTimeout(settle, CONNECT_WITHIN_MS, false);
      socket.on("error", () => settle(false));
      socket.on("close", () => settle(false));
      socket.on("message", (data: Buffer) => this.#onMessage(socket, data.toString("latin1"), settle));
    });
  }

  #onMessage(socket: WebSocket, text: string, settle: (isIn: boolean) => void): void {
    if (socket !== this.#socket) return;
    if (text.startsWith("0")) socket.send(`40${this.#session()}`);
    else if (text === "2") socket.send("3");
    else if (text.startsWith("40")) this.#onConnected(JSON.parse(text.slice(2)));
    else if (text.startsWith("44")) settle(false);
    else if (text.startsWith("42")) {
      const [event, ...args] = JSON.parse(text.slice(2));
      this.#onEvent(event, args);
      if (event === "hello") settle(true);
    }
  }

  #session(): string {
    return this.#pid === undefined ? "" : JSON.stringify({ pid: this.#pid, offset: this.#offset });
  }

  #onConnected({ pid }: { pid?: string }): void {
    if (pid !== undefined && pid === this.#pid) this.recovered++;
    this.#pid = pid;
  }

  #onEvent(event: string, args: unknown[]): void {
    const last = args.at(-1);
    // What was missed may come before the answer to the connect, as in Socket.IO's own recovery.
    if (typeof last === "string") this.#offset = last;
    if (event === "hello") this.slot = args[0] as number;
    if (event !== "tick" || !this.#isListening) return;
    if (this.#got.has(args[0] as number)) this.twice++;
    this.#got.add(args[0] as number);
  }
}
