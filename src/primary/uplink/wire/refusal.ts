/** Why a message from Redis is not believed. Thrown within the wire alone, which answers with the reason. */
import type { RefusalReason } from "./message.js";

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: RefusalReason;
  readonly version: number | undefined;

  constructor(reason: RefusalReason, version?: number) {
    super(reason);
    this.reason = reason;
    this.version = version;
  }
}

export function refuse(reason: RefusalReason): never {
  throw new Refusal(reason);
}
