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
    return (this.#origin && this.#parts.across()?.exceptFor(this.#origin, namespace)) ?? NOBODY;
  }

  onBroadcast(frame: Buffer, namespace: string, rooms: readonly RoomName[]): number | undefined {
    const origin = this.#takeOrigin();
    if (!this.#parts.isOn() || isVolatile(frame)) return undefined;
    return this.#parts.append({ namespace, rooms, origin, what: { kind: "event", frame: copyWithoutPacked(frame) } });
  }

  onCommand(frame: Buffer): number | undefined {
    const origin = this.#takeOrigin();
    const change = this.#parts.isOn() ? readChange(frame) : undefined;
    return change && this.#parts.append({ ...change, origin });
  }

  onGone(): void {}

  #takeOrigin(): Origin | undefined {
    const origin = this.#origin;
    this.#origin = undefined;
    return origin;
  }
}
