/** The requests whose answers this worker waits for, each with its deadline. */

export interface WaitingHandlers {
  onResponse(read: () => unknown): void;
  /** Nobody will answer any more. */
  onDone(answered: number): void;
  /** Its deadline has passed, or too many requests of this worker are under way, and nobody was asked. */
  onFailure(failure: "timeout" | "refused"): void;
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
    this.#take(id)?.onDone(answered);
  }

  refused(id: number): void {
    this.#take(id)?.onFailure("refused");
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#byId.get(id);
    this.#byId.delete(id);
    clearTimeout(waiting?.deadline);
    return waiting;
  }

  #giveUp(id: number, { onFailure }: WaitingHandlers): void {
    this.#byId.delete(id);
    this.#cancel(id);
    onFailure("timeout");
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#byId.has(this.#lastId));
    return this.#lastId;
  }
}
