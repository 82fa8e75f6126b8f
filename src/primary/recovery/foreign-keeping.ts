/**
 * Keeps what comes from other hosts, which have sessions of their own: it has their numbers where they keep it too. Runs in
 * the primary.
 */
import { copyWithoutPacked } from "../../protocol/content.js";
import { FrameReader, kindOf, type RoomName } from "../../protocol/frame.js";
import { RecoveryKind } from "../../protocol/recovery-frame.js";
import type { Entry, Origin } from "./event-log.js";
import { isVolatile, readChange } from "./foreign.js";
import type { WorkerKeeping } from "./worker-end.js";

interface Between {
  heard(origin: Origin): void;
  exceptFor(origin: Origin, namespace: string): readonly string[];
}

interface ForeignParts {
  isOn(): boolean;
  /** Undefined: sessions stay on their hosts. */
  across(): Between | undefined;
  append(entry: Omit<Entry, "worker" | "own" | "shared">): number;
}

const NOBODY: readonly string[] = [];

export class ForeignKeeping implements WorkerKeeping {
  readonly #parts: ForeignParts;
  /** Of what comes next. */
  #origin: Origin | undefined;
  #had: readonly string[] = NOBODY;

  constructor(parts: ForeignParts) {
    this.#parts = parts;
  }

  onFrame(frame: Buffer): void {
    if (kindOf(frame) !== RecoveryKind.origin) return;
    const read = new FrameReader(frame);
    this.#origin = { host: read.text(), number: read.count() };
    this.#parts.across()?.heard(this.#origin);
  }

  exceptFor(namespace: string): readonly string[] {
    this.#had = (this.#origin && this.#parts.across()?.exceptFor(this.#origin, namespace)) ?? NOBODY;
    return this.#had;
  }

  onBroadcast(frame: Buffer, namespace: string, rooms: readonly RoomName[]): number | undefined {
    const place = this.#takePlace();
    if (!this.#parts.isOn() || isVolatile(frame)) return undefined;
    return this.#parts.append({ namespace, rooms, ...place, what: { kind: "event", frame: copyWithoutPacked(frame) } });
  }

  onCommand(frame: Buffer): number | undefined {
    const place = this.#takePlace();
    const change = this.#parts.isOn() ? readChange(frame) : undefined;
    return change && this.#parts.append({ ...change, ...place });
  }

  onGone(): void {}

  #takePlace(): Pick<Entry, "origin" | "had"> {
    const origin = this.#origin;
    const had = this.#had.length > 0 ? this.#had : undefined;
    this.#origin = undefined;
    this.#had = NOBODY;
    return { origin, had };
  }
}
