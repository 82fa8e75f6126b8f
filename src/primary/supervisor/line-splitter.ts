/** Cuts a stream of bytes into lines, and refuses one that does not end. Pure but for what it holds. */

/** Far above any message of Node's; an app that sends more by `process.send()` sends it to nobody. */
export const MAX_LINE_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

export class LineSplitter {
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** The lines completed by `chunk`. Throws RangeError where one is too long. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      lines.push(this.#complete(chunk.subarray(from, end)));
      from = end + 1;
    }
    this.#hold(chunk.subarray(from));
    return lines;
  }

  #complete(end: Buffer): string {
    const line = this.#heldBytes === 0 ? end : Buffer.concat([...this.#held, end]);
    this.#held = [];
    this.#heldBytes = 0;
    return line.toString("utf8");
  }

  #hold(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#held.push(rest);
    this.#heldBytes += rest.length;
    if (this.#heldBytes > MAX_LINE_BYTES) throw new RangeError(`a message of more than ${MAX_LINE_BYTES} bytes`);
  }
}
