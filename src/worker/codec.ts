/**
 * How workers of one host write values for each other: arguments of `serverSideEmit`, acknowledgements, socket data. Runs
 * in workers only; to the primary these are bytes. Events do not pass here, they travel as Socket.IO's parser wrote them.
 *
 * The bytes are those of the structured clone: every typed array, Map, Set, bigint, lone surrogate and circle arrives as it
 * was, and a key `__proto__` as a key.
 */
import { DefaultDeserializer, serialize } from "node:v8";

/** What was to be sent to other workers cannot be written: too deep, or of a kind that has no encoding. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
  readonly code = "HOLDFAST_ENCODE_ERROR";
}

/** What another worker sent cannot be read. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly code = "HOLDFAST_DECODE_ERROR";
}

/** Nesting that can be written but not read again takes more than this. */
const MAYBE_DEEP_BYTES = 4 * 1024;

export function encode(value: unknown): Buffer {
  try {
    return writeReadable(value);
  } catch {
    return encodePlain(value);
  }
}

export function isEncodable(value: unknown): boolean {
  try {
    encode(value);
    return true;
  } catch {
    return false;
  }
}

export function decode(bytes: Buffer): unknown {
  try {
    return read(bytes);
  } catch (error) {
    throw new DecodeError(`${bytes.length} bytes of another worker cannot be read`, { cause: error });
  }
}

/** Functions and the like have no clone. They are left out as JSON does, which is how cluster-adapter's IPC sends. */
function encodePlain(value: unknown): Buffer {
  try {
    return writeReadable(JSON.parse(JSON.stringify(value)));
  } catch (error) {
    throw new EncodeError(`a value cannot be sent to other workers: ${(error as Error).message}`, { cause: error });
  }
}

/** V8 needs more stack to read nested objects than to write them: the writer is to know, not the reader. */
function writeReadable(value: unknown): Buffer {
  const bytes = serialize(value);
  if (bytes.length > MAYBE_DEEP_BYTES) read(bytes);
  return bytes;
}

function read(bytes: Buffer): unknown {
  const reader = new OwningDeserializer(bytes);
  reader.readHeader();
  return reader.readValue();
}

/** As Node's documents it, which types do not. */
const inFrame = DefaultDeserializer.prototype as unknown as { _readHostObject(): ArrayBufferView };

/** Gives each binary value memory of its own; Node's would be views of the frame, whose `buffer` holds all of it. */
class OwningDeserializer extends DefaultDeserializer {
  _readHostObject(): ArrayBufferView {
    const view = inFrame._readHostObject.call(this);
    const memory = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
    if (Buffer.isBuffer(view)) return Buffer.from(memory as ArrayBuffer);
    return new (view.constructor as new (memory: ArrayBufferLike) => ArrayBufferView)(memory);
  }
}
