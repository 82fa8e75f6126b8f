/** The fields that both wire formats write alike: the packet of an event, and whom it is for. */
import type { DecodedAddress } from "../../../protocol/frame.js";
import type { Packed } from "../../../protocol/packed.js";
import type { Flags } from "./message.js";
import type { MsgpackWriter } from "./msgpack-write.js";
import type { Fields } from "./outline.js";
import { refuse } from "./refusal.js";

/** Of Socket.IO's protocol. Old emitters write BINARY_EVENT where an argument is binary; the parser finds that out itself. */
const EVENT = 2;
const BINARY_EVENT = 5;

/** As notepack.io has written it, and reads it. */
const UNDEFINED: Packed = { encoding: "msgpack", bytes: Buffer.from([0xd4, 0, 0]) };

export interface Options {
  readonly address: DecodedAddress;
  readonly flags: Flags;
  readonly timeoutMs: number | undefined;
}

/** Outline of what `readOptions` reads. */
export const OPTIONS_SHAPE = { flags: {} };

export function writePacket(message: MsgpackWriter, namespace: string, args: Buffer): MsgpackWriter {
  return message.map(3).text("type").number(EVENT).text("data").packed(args).text("nsp").text(namespace);
}

/** The arguments of an event, its name first. */
export function readPacket(packet: Fields): Packed {
  const type = packet.number("type");
  if (type !== EVENT && type !== BINARY_EVENT) refuse("unknown-type");
  return packet.packedArray("data");
}

export function writeOptions(
  message: MsgpackWriter,
  address: DecodedAddress,
  flags: Flags = {},
  timeoutMs = 0,
): MsgpackWriter {
  message.map(3).text("rooms").list(address.rooms).text("except").list(address.except).text("flags");
  const { volatile, compress } = flags;
  message.map((volatile === undefined ? 0 : 1) + (compress === undefined ? 0 : 1) + (timeoutMs > 0 ? 1 : 0));
  if (volatile !== undefined) message.text("volatile").boolean(volatile);
  if (compress !== undefined) message.text("compress").boolean(compress);
  if (timeoutMs > 0) message.text("timeout").number(timeoutMs);
  return message;
}

export function readOptions(options: Fields, namespace: string): Options {
  const address = { namespace, rooms: options.list("rooms"), except: options.list("except") };
  const flags = options.mapOrArray("flags");
  return flags?.isEmpty === false
    ? { address, flags: readFlags(flags), timeoutMs: flags.amount("timeout") }
    : { address, flags: NO_FLAGS, timeoutMs: undefined };
}

const NO_FLAGS: Flags = {};

function readFlags(flags: Fields): Flags {
  const volatile = flags.flag("volatile");
  const compress = flags.flag("compress");
  return { ...(volatile !== undefined && { volatile }), ...(compress !== undefined && { compress }) };
}

export function everybodyOf(namespace: string): DecodedAddress {
  return { namespace, rooms: [], except: [] };
}

/** A value that its sender left out because it is `undefined`. */
export function packedOrUndefined(fields: Fields, name: string): Packed {
  return fields.packed(name) ?? UNDEFINED;
}

export function bytesOf(values: readonly Buffer[]): number {
  return values.reduce((sum, bytes) => sum + bytes.length, 0);
}
