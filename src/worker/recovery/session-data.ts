/**
 * socket.data as it is kept outside the worker. It is compared as bytes now and then, and not watched: apps keep Maps and
 * class instances there. Pure.
 */
import { encode } from "../codec.js";

/** Larger data is left out: it would be written again whenever it changes. */
export const MAX_DATA_BYTES = 1024 * 1024;

export interface EncodedData {
  readonly bytes: Buffer;
  /** What could not be encoded is not in it. */
  readonly problem?: Error;
}

const NOTHING = Buffer.alloc(0);

export function encodeData(data: unknown): EncodedData {
  if (isEmpty(data)) return { bytes: NOTHING };
  try {
    return within(encode(data));
  } catch (error) {
    return { bytes: within(encode(encodableEntries(data))).bytes, problem: error as Error };
  }
}

function within(bytes: Buffer): EncodedData {
  if (bytes.length <= MAX_DATA_BYTES) return { bytes };
  return { bytes: NOTHING, problem: new RangeError(`${bytes.length} bytes are more than ${MAX_DATA_BYTES}`) };
}

function isEmpty(data: unknown): boolean {
  if (data === undefined || data === null) return true;
  if (typeof data !== "object" || Object.getPrototypeOf(data) !== Object.prototype) return false;
  for (const _ in data) return false;
  return true;
}

function encodableEntries(data: unknown): unknown {
  if (typeof data !== "object" || data === null) return {};
  return Object.fromEntries(Object.entries(data).filter(([, value]) => isEncodable(value)));
}

function isEncodable(value: unknown): boolean {
  try {
    encode(value);
    return true;
  } catch {
    return false;
  }
}
