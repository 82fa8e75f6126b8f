/** A channel as Redis brings it back: in UTF-8, which has no place for a surrogate without its partner. */
export function channelName(text: string): string {
  return text.isWellFormed() ? text : Buffer.from(text).toString();
}
