/**
 * How far a client has got, in a text that Socket.IO's client keeps and sends back when it returns (its `offset`). What a
 * worker delivers is a merge of two ordered streams: its own events, which it counts, and those of others, which carry the
 * switch's sequence. So a position names a worker, a number in each stream, and means everything up to both.
 */

export interface Position {
  /** `slot.incarnation`, unique in this boot of the host. */
  readonly worker: string;
  /** Of the events of that worker, the last one. */
  readonly own: number;
  /** In the switch's sequence, of the events of all others, the last one. */
  readonly shared: number;
}

/** What a position is compared with: an event, by its place in both orders. */
export type Place = Position;

export function workerName(slot: number, incarnation: number): string {
  return `${slot}.${incarnation}`;
}

const CURSOR = /^([\w-]{1,32})~(\d{1,6}\.\d{1,10})~([\da-z]{1,11})~([\da-z]{1,11})$/;
const RADIX = 36;

/** `epoch` tells the boots of a host apart: numbers of another boot say nothing. */
export function formatCursor(epoch: string, { worker, own, shared }: Position): string {
  return `${epoch}~${worker}~${own.toString(RADIX)}~${shared.toString(RADIX)}`;
}

/** Undefined: not a cursor. */
export function parseCursor(text: string): (Position & { readonly epoch: string }) | undefined {
  const [, epoch, worker, own, shared] = CURSOR.exec(text) ?? [];
  if (epoch === undefined || worker === undefined || own === undefined || shared === undefined) return undefined;
  return { epoch, worker, own: Number.parseInt(own, RADIX), shared: Number.parseInt(shared, RADIX) };
}

/** Whether a client at `position` has yet to get what stands at `place`. */
export function isPast(place: Place, position: Position): boolean {
  return place.worker === position.worker ? place.own > position.own : place.shared > position.shared;
}

/** Whether both streams of the same worker have got at least as far. */
export function reaches(position: Position, other: Position): boolean {
  return position.worker === other.worker && position.own >= other.own && position.shared >= other.shared;
}

/** Of two positions of one worker, each of which a client has certainly reached. */
export function furthest(a: Position, b: Position): Position {
  return { worker: a.worker, own: Math.max(a.own, b.own), shared: Math.max(a.shared, b.shared) };
}
