/**
 * What other hosts have asked the workers of this one, and what has been answered so far. Runs in the primary; pure. A host
 * answers once, when all of its workers have: the pieces are joined as they came. What is late is sent without the rest
 * before the asker gives up, so that it gets what there is.
 */
import type { Question } from "./wire/message.js";

export interface Asker {
  readonly namespace: string;
  readonly requestId: string;
  /** Undefined when it did not say. */
  readonly uid: string | undefined;
  /** Whether it is a Holdfast host, which takes answers as workers write them; a plain server takes one for the host. */
  readonly isHost: boolean;
  readonly name: Question["name"];
}

interface Foreign extends Asker {
  readonly partAtMs: number;
  readonly forgetAtMs: number;
  pieces: Buffer[];
  bytes: number;
  /** Of all pieces, also those that have been sent. */
  count: number;
}

/** The share of the asker's time after which it gets what there is. */
const PART_AFTER = 0.75;
const GRACE_MS = 5_000;
/** Answers past this size are not held back. */
const MAX_HELD_BYTES = 1024 * 1024;
const MAX_ID = 0xffff_ffff;

/** Pieces to be sent now; `last` when no more will come. */
export interface Report {
  readonly asker: Asker;
  readonly pieces: readonly Buffer[];
  readonly last: boolean;
  /** Of all pieces of this request. */
  readonly count: number;
}

export class ForeignRequests {
  readonly #byId = new Map<number, Foreign>();
  #lastId = 0;
  #plain = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** Those of plain servers. */
  get plain(): number {
    return this.#plain;
  }

  /** The id under which to ask the switch. */
  add(asker: Asker, timeoutMs: number, nowMs: number): number {
    const id = this.#nextId();
    const partAtMs = asker.isHost ? nowMs + timeoutMs * PART_AFTER : Number.POSITIVE_INFINITY;
    const forgetAtMs = nowMs + timeoutMs + GRACE_MS;
    if (!asker.isHost) this.#plain++;
    this.#byId.set(id, { ...asker, partAtMs, forgetAtMs, pieces: [], bytes: 0, count: 0 });
    return id;
  }

  /** A worker's answer; what is to be sent at once. */
  answered(id: number, piece: Buffer): Report | undefined {
    const foreign = this.#byId.get(id);
    if (!foreign) return undefined;
    foreign.pieces.push(piece);
    foreign.bytes += piece.length;
    foreign.count++;
    return mayWait(foreign) ? undefined : take(foreign, false);
  }

  done(id: number): Report | undefined {
    const foreign = this.drop(id);
    return foreign && take(foreign, true);
  }

  /** Nobody will answer it. */
  drop(id: number): Foreign | undefined {
    const foreign = this.#byId.get(id);
    if (this.#byId.delete(id) && !foreign?.isHost) this.#plain--;
    return foreign;
  }

  /** What its askers would not wait for much longer; forgets what nobody can be waiting for. */
  sweep(nowMs: number): Report[] {
    const reports: Report[] = [];
    for (const [id, foreign] of this.#byId) {
      if (foreign.forgetAtMs <= nowMs) this.drop(id);
      else if (foreign.partAtMs <= nowMs && foreign.pieces.length > 0) reports.push(take(foreign, false));
    }
    return reports;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % MAX_ID) + 1;
    while (this.#byId.has(this.#lastId));
    return this.#lastId;
  }
}

/** A plain server is told each acknowledgement, and the first reply of a host's workers; lists it gets whole. */
function mayWait({ isHost, name, bytes }: Foreign): boolean {
  if (isHost) return bytes < MAX_HELD_BYTES;
  return name !== "emit" && name !== "event";
}

function take(foreign: Foreign, last: boolean): Report {
  const { pieces, count } = foreign;
  foreign.pieces = [];
  foreign.bytes = 0;
  return { asker: foreign, pieces, last, count };
}
