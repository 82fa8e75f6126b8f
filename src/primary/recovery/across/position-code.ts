/** Positions as hosts write them for each other. Pure. */
import type { Position } from "../../../protocol/cursor.js";
import type { FrameBatch, FrameReader } from "../../../protocol/frame.js";

export function writePosition(into: FrameBatch, { worker, own, shared }: Position): void {
  into.text(worker).count(own).count(shared);
}

export function readPosition(read: FrameReader): Position {
  return { worker: read.text(), own: read.count(), shared: read.count() };
}

export function writeMaybe(into: FrameBatch, position: Position | undefined): void {
  into.byte(position ? 1 : 0);
  if (position) writePosition(into, position);
}

export function readMaybe(read: FrameReader): Position | undefined {
  return read.byte() === 1 ? readPosition(read) : undefined;
}

/** Of each host, up to which of its numbers it has been heard. */
export type Vector = ReadonlyMap<string, number>;

export function writeVector(into: FrameBatch, vector: Vector): void {
  into.number(vector.size);
  for (const [host, number] of vector) into.text(host).count(number);
}

export function readVector(read: FrameReader): Vector {
  const vector = new Map<string, number>();
  for (let count = read.number(); count > 0; count--) vector.set(read.text(), read.count());
  return vector;
}
