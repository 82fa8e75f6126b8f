/**
 * What the switch asks of whoever keeps sessions and events outside the workers, for the clients that come back. It is told
 * of everything in the order of relaying, and writes to a worker where the switch has just written.
 */
import type { FrameBatch, RoomName } from "../../protocol/frame.js";
import type { Lingerer } from "./lingering.js";

export interface Keeper extends Lingerer {
  /** The number of the last event that was kept. */
  readonly last: number;
  /** Hears of what comes from other hosts; it has no link, and says nothing else. */
  readonly foreign: Keep;
  /** Called for each link. */
  connect(link: KeptLink): Keep;
}

/** A worker's link, as the keeper may use it. */
export interface KeptLink {
  readonly name: string;
  frame(kind: number): FrameBatch;
  flush(): void;
  readonly queuedBytes: number;
  /** From now on the worker gets whatever is sent to the namespace, until it says `joined`. */
  expectJoins(namespace: string): void;
}

export interface Keep {
  /** A frame of protocol/recovery-frame.ts. `readAt`: the number of the last event kept when it was read. */
  onFrame(frame: Buffer, readAt: number): void;
  /** To whom the broadcast or command that it hears next is not to be relayed, as the ids of their sockets. */
  exceptFor(namespace: string): readonly string[];
  /** The frame may have something packed for other hosts in it. The number that the broadcast is to be relayed with; undefined where it cannot be replayed. */
  onBroadcast(frame: Buffer, namespace: string, rooms: readonly RoomName[]): number | undefined;
  /** As `onBroadcast`. */
  onCommand(frame: Buffer): number | undefined;
  /** The link has been read to its end. */
  onGone(): void;
}
