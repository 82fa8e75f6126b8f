import type { Wire, WireOptions } from "./wire.js";

export function createClassicWire(_options: WireOptions): Wire {
  throw new Error("under way");
}
