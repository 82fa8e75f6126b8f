/**
 * The page's one connection to whichever worker serves it, and what can be said of its state. It comes back by itself, for
 * ever; it keeps nothing to be sent later, so what is sent is either acknowledged or reported as not confirmed.
 */
import { io } from "./socket.io/socket.io.esm.min.js";

const ANSWER_WITHIN_MS = 5000;
const OFFLINE_AFTER_ATTEMPTS = 4;

export class Connection {
  #socket = io({ autoConnect: false, reconnectionDelay: 300, reconnectionDelayMax: 4000 });
  #downSinceMs;

  /** Called with (state, transport) whenever either changes: connecting, connected, reconnecting, offline. */
  onState = () => {};
  /** Called after each connect, with how long the connection was away in ms, or undefined the first time. */
  onUp = () => {};
  /** Called when a connection that was there is lost. */
  onDown = () => {};

  open() {
    this.#socket.on("connect", () => this.#up());
    this.#socket.on("disconnect", (reason) => this.#down(reason));
    this.#socket.on("connect_error", () => this.#retry());
    this.#socket.io.on("reconnect_attempt", (attempt) => this.#attempt(attempt));
    this.#socket.connect();
  }

  get connected() {
    return this.#socket.connected;
  }

  on(event, listener) {
    this.#socket.on(event, (payload) => listener(payload ?? {}));
  }

  tell(event, payload) {
    if (this.connected) this.#socket.emit(event, payload);
  }

  /** Resolves to whether the worker has taken it: false when it refused, or was not heard of in time. */
  async ask(event, payload) {
    if (!this.connected) return false;
    try {
      const answer = await this.#socket.timeout(ANSWER_WITHIN_MS).emitWithAck(event, payload);
      return answer?.ok === true;
    } catch {
      return false;
    }
  }

  #up() {
    const awayMs = this.#downSinceMs === undefined ? undefined : performance.now() - this.#downSinceMs;
    this.#downSinceMs = undefined;
    this.#set("connected");
    this.#socket.io.engine.on("upgrade", () => this.#set("connected"));
    this.onUp(awayMs);
  }

  #down(reason) {
    this.#downSinceMs = performance.now();
    this.#set(navigator.onLine ? "reconnecting" : "offline");
    this.onDown();
    if (reason === "io server disconnect") this.#retry();
  }

  #attempt(attempt) {
    if (attempt >= OFFLINE_AFTER_ATTEMPTS || !navigator.onLine) this.#set("offline");
  }

  /** Socket.IO does not try again by itself when the server closed or refused the socket; the page always does. */
  #retry() {
    if (this.#socket.active) return;
    setTimeout(() => this.#socket.connect(), 500 + Math.random() * 1000);
  }

  #set(state) {
    this.onState(state, this.connected ? this.#socket.io.engine.transport.name : undefined);
  }
}
