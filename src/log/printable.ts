/**
 * Makes text that came from clients harmless to a terminal: a log line must not be able to move the cursor, change
 * colours, or reverse the reading direction. The escapes are valid inside a JSON string, too.
 */

/** C0 without tab and line feed, DEL and C1, then the marks, embeddings and isolates of bidirectional text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is for.
const UNPRINTABLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
