/**
 * A value in one of the two encodings that Redis carries between hosts: a worker packs and unpacks it, to the primary it is
 * bytes that it never decodes. Holdfast writes msgpack alone; JSON comes from plain servers.
 */

export type PackedEncoding = "msgpack" | "json";

export interface Packed {
  readonly encoding: PackedEncoding;
  /** One whole value, checked to be well-formed; a view of the message that brought it. */
  readonly bytes: Buffer;
}
