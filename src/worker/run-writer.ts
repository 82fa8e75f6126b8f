/**
 * Gathers the events that an app emits one after the other to the same address, so that they leave as one frame: most of
 * what a burst costs is a cost of each frame, in this worker, in the switch, and in all that receive it.
 */
import type { Address, FrameBatch, RoomName } from "../protocol/frame.js";
import { MAX_RUN_BYTES, writeRun } from "../protocol/run.js";

export interface RunEvent {
  /** Of text-frame.ts. */
  readonly frame: Buffer;
  /** For other hosts; empty where it could not be packed. Undefined: there are none. */
  readonly packed: Buffer | undefined;
}

export class RunWriter {
  readonly #namespace: string;
  readonly #rooms: readonly RoomName[];
  readonly #except: readonly RoomName[];
  readonly #flags: number;
  readonly #frames: Buffer[] = [];
  readonly #packed: Buffer[] = [];
  #bytes = 0;

  constructor({ namespace, rooms, except }: Address, flags: number) {
    this.#namespace = namespace;
    this.#rooms = [...rooms];
    this.#except = [...except];
    this.#flags = flags;
  }

  takes({ namespace, rooms, except }: Address, flags: number, event: RunEvent): boolean {
    return (
      flags === this.#flags &&
      namespace === this.#namespace &&
      this.#bytes + bytesOf(event) <= MAX_RUN_BYTES &&
      areSame(this.#rooms, rooms) &&
      areSame(this.#except, except)
    );
  }

  add(event: RunEvent): void {
    this.#frames.push(event.frame);
    if (event.packed) this.#packed.push(event.packed);
    this.#bytes += bytesOf(event);
  }

  write(batch: FrameBatch): void {
    const address = { namespace: this.#namespace, rooms: this.#rooms, except: this.#except };
    writeRun(batch, { address, flags: this.#flags }, this.#frames, this.#packed);
  }
}

function bytesOf({ frame, packed }: RunEvent): number {
  return frame.length + (packed?.length ?? 0);
}

function areSame(some: readonly RoomName[], others: Iterable<RoomName>): boolean {
  let i = 0;
  for (const other of others) if (some[i++] !== other) return false;
  return i === some.length;
}
