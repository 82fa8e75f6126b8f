/** The requests whose answers this worker waits for, each with its deadline. */

export interface WaitingHandlers {
  onResponse(read: () => unknown): void;
  /** Nobody will answer any more. */
  onDone(answered: number): void;
  onTimeout(): void;
}

interface Waiting extends WaitingHandlers {
  readonly deadline: NodeJS.Timeout;
}

/** setTimeout's own limit. */
export const MAX_TIMEOUT_MS = 0x7fff_ffff;

export class WaitingRequests {
  readonly #byId = new Map<number, Waiting>();
  readonly #cancel: (id: number) => void;
  #lastId = 0;

  /** `cancel` tells that this worker no longer waits. */
  constructor(cancel: (id: number) => void) {
    this.#cancel = cancel;
  }

  /** The id under which to ask. */
  add(timeoutMs: number, handlers: WaitingHandlers): number {
    const id = this.#nextId();
    const deadline = setTimeout(() => this.#giveUp(id, handlers), Math.min(timeoutMs, MAX_TIMEOUT_MS));
    this.#byId.set(id, { ...handlers, deadline });
    return id;
  }

  /** `read` is called if somebody waits for it. */
  responded(id: number, read: () => unknown): void {
    this.#byId.get(id)?.onResponse(read);
  }

  done(id: number, answered: number): void {
    const waiting = this.#byId.get(id);
    if (!waiting) return;
    this.#byId.delete(id);
    clearTimeout(waiting.deadline);
    waiting.onDone(answered);
  }

  #giveUp(id: number, { onTimeout }: WaitingHandlers): void {
    this.#byId.delete(id);
    this.#cancel(id);
    onTimeout();
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#byId.has(this.#lastId));
    return this.#lastId;
  }
}
