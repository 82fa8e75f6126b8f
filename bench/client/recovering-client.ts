/**
 * One client that can lose its connection and come back: bare frames, with the part of Socket.IO's client that recovery
 * needs. It keeps the private id and the last argument of each event, if that is a text, and sends both when it connects.
 */
import { WebSocket } from "ws";

/** As Socket.IO's client waits if it is not told otherwise. */
const CONNECT_WITHIN_MS = 20_000;

export class RecoveringClient {
  /** Socket.IO's, of the current connection. */
  id = "";
  /** Engine.IO's. */
  sessionId = "";
  /** Returns with the same session. */
  recovered = 0;
  onEvent: (event: string, args: unknown[]) => void = () => {};
  /** The connection that was there has ended. */
  onLost: () => void = () => {};
  readonly #url: string;
  readonly #requests = new Map<number, (answer: unknown[]) => void>();
  #lastRequest = 0;
  #socket: WebSocket | undefined;
  #pid: string | undefined;
  #offset: string | undefined;

  constructor(url: string) {
    this.#url = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
  }

  /** Whether it was let in in time: when the event came that the app greets with. */
  connect(greeting: string): Promise<boolean> {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false, skipUTF8Validation: true });
    this.#socket = socket;
    return new Promise((resolve) => {
      let isIn = false;
      const settle = (letIn: boolean) => {
        clearTimeout(timer);
        isIn ||= letIn;
        if (!letIn) socket.terminate();
        resolve(letIn);
      };
      const timer = setTimeout(settle, CONNECT_WITHIN_MS, false);
      socket.on("error", () => settle(false));
      socket.on("close", () => (isIn ? this.onLost() : settle(false)));
      socket.on("message", (data: Buffer) => {
        if (socket !== this.#socket) return;
        if (this.#onMessage(socket, data.toString("latin1")) === greeting) settle(true);
      });
    });
  }

  /** Without a word, as a network would. */
  cut(): void {
    this.#socket?.terminate();
  }

  emit(...event: unknown[]): void {
    this.#socket?.send(`42${JSON.stringify(event)}`);
  }

  /** What the acknowledgement brings. */
  request(...event: unknown[]): Promise<unknown[]> {
    const id = this.#lastRequest++;
    this.#socket?.send(`42${id}${JSON.stringify(event)}`);
    return new Promise((resolve) => this.#requests.set(id, resolve));
  }

  /** The name of the event, if it was one. */
  #onMessage(socket: WebSocket, text: string): string | undefined {
    if (text.startsWith("42")) return this.#onPacket(JSON.parse(text.slice(2)));
    if (text === "2") socket.send("3");
    else if (text.startsWith("0")) this.#onOpen(socket, JSON.parse(text.slice(1)));
    else if (text.startsWith("40")) this.#onConnected(JSON.parse(text.slice(2)));
    else if (text.startsWith("43")) this.#onAcknowledged(text.slice(2));
    else if (text.startsWith("44")) socket.terminate();
    return undefined;
  }

  #onOpen(socket: WebSocket, { sid }: { sid: string }): void {
    this.sessionId = sid;
    const session = this.#pid === undefined ? "" : JSON.stringify({ pid: this.#pid, offset: this.#offset });
    socket.send(`40${session}`);
  }

  #onConnected({ sid, pid }: { sid: string; pid?: string }): void {
    if (pid !== undefined && pid === this.#pid) this.recovered++;
    this.id = sid;
    this.#pid = pid;
  }

  #onAcknowledged(text: string): void {
    const id = Number.parseInt(text, 10);
    this.#requests.get(id)?.(JSON.parse(text.slice(text.indexOf("["))));
    this.#requests.delete(id);
  }

  #onPacket([event, ...args]: [string, ...unknown[]]): string {
    const last = args.at(-1);
    // What was missed may come before the answer to the connect, as in Socket.IO's own recovery.
    if (typeof last === "string") this.#offset = last;
    this.onEvent(event, args);
    return event;
  }
}
