/**
 * Text as UTF-8, except that a surrogate without its partner, which a JavaScript string can hold and UTF-8 cannot, is
 * written as its three bytes would be (WTF-8). Other readers see replacement characters in its place.
 */

const REPLACEMENT = "\ufffd";
/** The first byte of U+D000 to U+DFFF; the second tells the surrogates from what comes before them. */
const LEAD = 0xed;

/** `at` is where it goes; as many bytes as `Buffer.byteLength(text)` says must be free. Answers how many were written. */
export function writeText(text: string, into: Buffer, at: number): number {
  const written = into.write(text, at);
  if (!text.isWellFormed()) restoreSurrogates(text, into, at);
  return written;
}

export function readText(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString("utf8", from, to);
  return text.includes(REPLACEMENT) ? readSurrogates(bytes.subarray(from, to)) : text;
}

/** Node has written a replacement character, which takes three bytes as well. */
function restoreSurrogates(text: string, into: Buffer, start: number): void {
  let at = start;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code >= 0xd800 && code <= 0xdfff) {
      into[at] = LEAD;
      into[at + 1] = 0x80 | ((code >> 6) & 0x3f);
      into[at + 2] = 0x80 | (code & 0x3f);
    }
    at += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
}

function readSurrogates(bytes: Buffer): string {
  let text = "";
  let from = 0;
  for (let at = bytes.indexOf(LEAD); at !== -1; at = bytes.indexOf(LEAD, at + 1)) {
    const second = bytes[at + 1] ?? 0;
    const third = bytes[at + 2] ?? 0;
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    text += bytes.toString("utf8", from, at) + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    from = at + 3;
  }
  return text + bytes.toString("utf8", from);
}
