/**
 * Somebody who goes on talking: numbered events to all, from one client's worker, while a fault is on, and what each
 * listener has heard of them. Tells loss, repetition and disorder apart.
 */
import { onCleanup } from "./cleanup.js";
import { type Collection, collect, type Socket } from "./client.js";
import { io, run } from "./remote.js";

const EVERY_MS = 10;
let talks = 0;

export interface Talk {
  /** How many have been sent so far. */
  readonly sent: number;
  /** The numbers that a listener has heard, in the order in which they came. */
  heard(listener: Socket): number[];
  /** Resolves when the listener has heard the next that is said from now on. */
  reaches(listener: Socket, withinMs?: number): Promise<void>;
  /** Resolves when the listener has heard the last that was said. */
  heardLast(listener: Socket): Promise<void>;
  /** The last word has been said; resolves with how many there were. */
  stop(): Promise<number>;
}

export function startTalk(speaker: Socket, listeners: readonly Socket[], everyMs = EVERY_MS): Talk {
  const name = `talk-${++talks}`;
  const heard = new Map<Socket, Collection>(listeners.map((listener) => [listener, collect(listener, name)]));
  const of = (listener: Socket) => heard.get(listener) as Collection;
  const pending = new Set<Promise<unknown>>();
  let sent = 0;
  const timer = setInterval(() => {
    const said = run(speaker, io.emit(name, sent++)).catch(() => {});
    pending.add(said);
    void said.then(() => pending.delete(said));
  }, everyMs);
  onCleanup(() => clearInterval(timer));
  return {
    get sent() {
      return sent;
    },
    heard: (listener) => of(listener).items.map(([number]) => number as number),
    reaches: async (listener, withinMs) => {
      const from = sent;
      await of(listener).until((items) => items.some(([number]) => (number as number) >= from), withinMs);
    },
    heardLast: async (listener) => {
      await of(listener).until((items) => items.at(-1)?.[0] === sent - 1);
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
      return sent;
    },
  };
}

/** Each once at most, and in the order of sending. */
export function isInOrder(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number));
}

/** All of 0 to `sent` - 1. */
export function upTo(sent: number): number[] {
  return Array.from({ length: sent }, (_, i) => i);
}
