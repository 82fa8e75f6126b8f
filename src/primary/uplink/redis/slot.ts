/** Which of a Redis Cluster's 16,384 slots a channel is in (the Cluster specification, "Key distribution model"). Pure. */

export const SLOTS = 16_384;

/** CRC16, XMODEM: polynomial 0x1021, from 0. */
const TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let value = index << 8;
  for (let bit = 0; bit < 8; bit++) value = value & 0x8000 ? (value << 1) ^ 0x1021 : value << 1;
  return value & 0xffff;
});

export function slotOf(channel: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashedPart(channel))) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] as number);
  }
  return crc % SLOTS;
}

/** What stands between the first braces, if anything does. */
function hashedPart(channel: string): string {
  const open = channel.indexOf("{");
  const close = open < 0 ? -1 : channel.indexOf("}", open + 1);
  return close > open + 1 ? channel.slice(open + 1, close) : channel;
}
