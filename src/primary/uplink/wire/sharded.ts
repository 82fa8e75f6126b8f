import type { Wire, WireOptions } from "./wire.js";
export function createShardedWire(_options: WireOptions): Wire {
  throw new Error("under way");
}
