/**
 * Waiting with a deadline: for a condition that only polling can see (a file of /proc, an HTTP endpoint), and for a
 * promise. The error says what was awaited and what was seen last, so that a failed run explains itself.
 */
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";

const POLL_MS = 20;

export interface EventuallyOptions {
  readonly withinMs?: number;
  readonly what?: string;
}

/** Reads until `accept` holds and gives what it accepted. A read that throws is tried again. */
export async function eventually<T>(
  read: () => T | Promise<T>,
  accept: (value: T) => boolean,
  { withinMs = 5_000, what = accept.toString() }: EventuallyOptions = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = await attempt(read);
    if ("value" in seen && accept(seen.value)) return seen.value;
    if (performance.now() > deadline) throw new DeadlineError(what, withinMs, lastSeen(seen));
    await pause(POLL_MS);
  }
}

/** What `promise` gives, or DeadlineError after `withinMs`. `seen` adds what is known then. */
export async function within<T>(promise: Promise<T>, withinMs: number, what: string, seen?: () => unknown): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(what, withinMs, seen ? inspectShort(seen()) : "")), withinMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

export class DeadlineError extends Error {
  override readonly name = "DeadlineError";

  constructor(what: string, withinMs: number, lastSeen: string) {
    super(`not within ${withinMs} ms: ${what}${lastSeen && `\nlast seen: ${lastSeen}`}`);
  }
}

type Seen<T> = { readonly value: T } | { readonly error: unknown };

async function attempt<T>(read: () => T | Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { error };
  }
}

function lastSeen(seen: Seen<unknown>): string {
  return "value" in seen ? inspectShort(seen.value) : `threw ${seen.error}`;
}

function inspectShort(value: unknown): string {
  return typeof value === "string" ? value.slice(-4_000) : inspect(value, { depth: 6 }).slice(0, 4_000);
}
