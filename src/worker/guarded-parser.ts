/**
 * The app's parser (Socket.IO's own by default), except that an event which cannot be encoded (nested too deep for
 * JSON.stringify, say) is dropped and counted. Thrown, it would end the worker on behalf of one client's payload.
 */
import * as defaultParser from "socket.io-parser";
import type { Encoder, Packet } from "./event.js";

export interface Parser {
  readonly Encoder: new () => Encoder;
  readonly Decoder: new () => unknown;
}

/** `onFailure` is told of each packet that was dropped. */
export function guardParser(parser: Parser | undefined, onFailure: (error: unknown) => void): Parser {
  const real = parser ?? (defaultParser as unknown as Parser);
  return {
    ...real,
    Encoder: class extends real.Encoder {
      override encode(packet: Packet): unknown[] {
        try {
          return super.encode(packet);
        } catch (error) {
          onFailure(error);
          return [];
        }
      }
    },
  };
}
