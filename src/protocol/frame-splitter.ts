/** What reads a link does first: cuts the stream of bytes into frames, as frame.ts describes them. */
import { MAX_FRAME_BYTES, ProtocolError } from "./frame.js";

/**
 * Cuts a stream of bytes into frames. A frame handed on is a view of what was read. Where that memory is read into again
 * (`reused`) it is valid during the call, else as long as it is held.
 */
export class FrameSplitter {
  readonly #keep: (bytes: Buffer) => Buffer;
  #pieces: Buffer[] = [];
  #held = 0;
  /** Bytes that the frame under way takes in all; 0 while its length is unknown. */
  #wanted = 0;

  constructor({ reused = false } = {}) {
    this.#keep = reused ? (bytes) => Buffer.from(bytes) : (bytes) => bytes;
  }

  /** Calls `onFrame` for each frame completed by `chunk`. Throws ProtocolError on a length that no frame can have. */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    let rest = chunk;
    if (this.#held > 0) {
      this.#pieces.push(this.#keep(chunk));
      this.#held += chunk.length;
      if (this.#held < 4 || (this.#wanted > 0 && this.#held < this.#wanted)) return;
      rest = Buffer.concat(this.#pieces, this.#held);
    }
    let at = 0;
    this.#wanted = 0;
    while (rest.length - at >= 4) {
      const size = frameSize(rest, at);
      if (rest.length - at < size) {
        this.#wanted = size;
        break;
      }
      onFrame(rest.subarray(at, at + size));
      at += size;
    }
    this.#pieces = at < rest.length ? [this.#keep(rest.subarray(at))] : [];
    this.#held = rest.length - at;
  }
}

function frameSize(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at);
  if (length < 1 || length > MAX_FRAME_BYTES) {
    throw new ProtocolError(`a frame of ${length} bytes, allowed are 1 to ${MAX_FRAME_BYTES}`);
  }
  return 4 + length;
}
