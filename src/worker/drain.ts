/**
 * How a worker leaves: it closes its sessions at a pace, so that their clients do not all come back in one instant, and
 * serves what it has meanwhile; so it does with the connections that it relays to other workers' sessions, which would
 * end with it in any case. Clients see "transport close" and reconnect by themselves. It is done when the last session and
 * connection have gone, or when its time is up.
 */

/** What the drain closes. worker.ts passes in what fits. */
export interface Draining {
  /** Before anything is closed: the app is told, responses stop keeping connections alive. */
  begin(): void;
  sessions(): readonly DrainingSession[];
  /** Upgraded connections that pass through to sessions of others. */
  relays(): readonly DrainingRelay[];
  /** Connections that are still open, those of siblings among them. */
  connections(): number;
  /** Those that wait for a next request. */
  closeIdleConnections(): void;
}

/** A part of Engine.IO's Socket. */
export interface DrainingSession {
  readonly readyState: string;
  /** `socket` is the WebSocket, where it is one. A polling transport is writable while a poll waits. */
  readonly transport: { readonly name: string; readonly writable: boolean; readonly socket?: { terminate(): void } };
  close(): unknown;
  /** Engine.IO's own, for a transport that has gone. */
  onClose(reason: string): void;
}

export interface DrainingRelay {
  close(): void;
}

const TICK_MS = 20;
/** Sessions are closed this far apart when there is time for it, and within most of the time that there is. */
const PACE_MS = 5;
const WINDOW_SHARE = 0.8;
/**
 * A proxy may send on a connection it keeps in the very moment in which it is closed, and cannot send a POST again. Those
 * in use are told `Connection: close` with their next answer, so that what is closed in the end is hardly used.
 */
const IDLE_GRACE_MS = 1_000;
/** A client that does not answer the closing of its WebSocket would keep it open for 30 s. */
const GRACE_MS = 1_500;
/** An upgrade that comes while others are closed is let through first: cut in its probe, the client would stay with polling. */
const NEW_RELAY_MS = 2_000;
/** A polling client polls again at once; one that has not for so long is gone, and Engine.IO would wait 30 s for it. */
const SILENT_POLLER_MS = 5_000;

/** How many sessions and relays of `total` are to be closed once so much of the time has passed. */
export function dueBy(elapsedMs: number, total: number, withinMs: number): number {
  const windowMs = Math.min(WINDOW_SHARE * withinMs, PACE_MS * total);
  return elapsedMs >= windowMs ? Number.POSITIVE_INFINITY : Math.ceil((total * elapsedMs) / windowMs);
}

export class Drain {
  readonly #worker: Draining;
  readonly #onDone: () => void;
  readonly #farewell = new WeakSet<DrainingSession | DrainingRelay>();
  /** Relays, by when they were first seen. */
  readonly #seenMs = new WeakMap<DrainingRelay, number>();
  #farewells = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(worker: Draining, onDone: () => void) {
    this.#worker = worker;
    this.#onDone = onDone;
  }

  get hasBegun(): boolean {
    return this.#timer !== undefined;
  }

  /** The first call counts; a second one changes nothing. */
  start(withinMs: number): void {
    if (this.hasBegun) return;
    this.#worker.begin();
    const startMs = performance.now();
    for (const relay of this.#worker.relays()) this.#seenMs.set(relay, -NEW_RELAY_MS);
    const total = this.#worker.sessions().length + this.#worker.relays().length;
    this.#timer = setInterval(() => {
      const elapsedMs = performance.now() - startMs;
      this.#close(dueBy(elapsedMs, total, withinMs), elapsedMs);
      if (elapsedMs >= Math.min(IDLE_GRACE_MS, withinMs / 2)) this.#closeIdleConnections();
      if (this.#isEmpty() || elapsedMs >= withinMs) this.#finish();
    }, TICK_MS);
  }

  /** After the planned ones also those that have come since, on connections that were there. */
  #close(due: number, elapsedMs: number): void {
    for (const session of this.#worker.sessions()) if (this.#isTurnOf(session, due)) this.#closeSession(session);
    for (const relay of this.#worker.relays()) {
      if (this.#isThrough(relay, elapsedMs) && this.#isTurnOf(relay, due)) relay.close();
    }
  }

  #isThrough(relay: DrainingRelay, elapsedMs: number): boolean {
    const seenMs = this.#seenMs.get(relay) ?? elapsedMs;
    this.#seenMs.set(relay, seenMs);
    return elapsedMs - seenMs >= NEW_RELAY_MS;
  }

  /** Each has one. */
  #isTurnOf(one: DrainingSession | DrainingRelay, due: number): boolean {
    if (this.#farewells >= due || this.#farewell.has(one)) return false;
    this.#farewell.add(one);
    this.#farewells++;
    return true;
  }

  #closeSession(session: DrainingSession): void {
    session.close();
    setTimeout(() => {
      // One that is still "closing" has something to say to a slow client.
      if (session.readyState === "closed") session.transport.socket?.terminate();
    }, GRACE_MS).unref();
    setTimeout(() => giveUpSilentPoller(session), SILENT_POLLER_MS).unref();
  }

  /** While there are sessions, their clients may be about to send. */
  #closeIdleConnections(): void {
    if (this.#worker.sessions().length === 0) this.#worker.closeIdleConnections();
  }

  #isEmpty(): boolean {
    return this.#worker.sessions().length === 0 && this.#worker.connections() === 0;
  }

  #finish(): void {
    clearInterval(this.#timer);
    this.#onDone();
  }
}

function giveUpSilentPoller(session: DrainingSession): void {
  const { name, writable } = session.transport;
  if (session.readyState === "closing" && name === "polling" && !writable) session.onClose("forced close");
}
