/**
 * How values cross Redis: packed as notepack.io reads them, with the meaning that a client would have decoded. Runs in
 * workers only.
 */
import type { Packed } from "../protocol/packed.js";

/** Throws EncodeError (see codec.ts) on what has no encoding: too deep, or a circle. */
export function pack(_value: unknown): Buffer {
  throw new Error("under way");
}

/** Throws DecodeError on what cannot be read or is nested too deep. */
export function unpack(_packed: Packed): unknown {
  throw new Error("under way");
}

/** As `pack`, with null for each argument that has no encoding: Holdfast's own hosts get those as they are. */
export function packArguments(args: unknown[]): Buffer {
  try {
    return pack(args);
  } catch {
    return pack(args.map((arg) => (isPackable(arg) ? arg : null)));
  }
}

function isPackable(value: unknown): boolean {
  try {
    pack(value);
    return true;
  } catch {
    return false;
  }
}
