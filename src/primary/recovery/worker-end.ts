/** What recovery needs of a worker's link, and what it is told of it; the switch has both sides. */
import type { FrameBatch, RoomName } from "../../protocol/frame.js";
import type { Holder } from "./session.js";

/** What recovery needs of a worker's link. */
export interface WorkerEnd extends Holder {
  /** Where to encode a frame to the worker; it leaves at the next flush. */
  frame(kind: number): FrameBatch;
  flush(): void;
  readonly queuedBytes: number;
  /** The worker is to get all of the namespace until it says `joined`. */
  expectJoins(namespace: string): void;
}

/** What the switch tells of one link. */
export interface WorkerKeeping {
  /** A frame of recovery-frame.ts. `readAt`: the last number when it was read; what had a number then was sent before. */
  onFrame(frame: Buffer, readAt: number): void;
  /** To whom the broadcast or command that comes next is not to be relayed, as the ids of their sockets. */
  exceptFor(namespace: string): readonly string[];
  /** The frame may have something packed for other hosts in it. The number under which it is kept, and with which it is to be relayed. */
  onBroadcast(frame: Buffer, namespace: string, rooms: readonly RoomName[]): number | undefined;
  /** The number with which a command is to be relayed. */
  onCommand(frame: Buffer): number | undefined;
  /** The link has been read to its end. */
  onGone(): void;
}
