/**
 * How far the other hosts have been heard, and what is known of the times in which they were not. Runs in the primary;
 * pure, told the time.
 */
import type { Origin } from "../event-log.js";
import type { Vector } from "./position-code.js";

/** Anybody may publish in the name of any number of hosts; one that is not known here is told of nothing false. */
const MAX_HOSTS = 1_024;

export class Hearing {
  readonly #heard = new Map<string, number>();
  readonly #heardAtMs = new Map<string, number>();
  /** Of each host, up to where the log has been told that something has passed unheard. */
  readonly #told = new Map<string, number>();
  #before: Vector | undefined;
  #losses = 0;

  /** The last number heard of each host. */
  get heard(): Vector {
    return this.#heard;
  }

  /** As it was when the connection was lost by which others are heard, or another one. */
  get heardBefore(): Vector {
    return this.#before ?? this.#heard;
  }

  /** No connection has been lost of which it is not known what passed unheard. */
  get isSettled(): boolean {
    return this.#before === undefined;
  }

  /** How often a connection has been lost. */
  get losses(): number {
    return this.#losses;
  }

  hear({ host, number }: Origin, nowMs: number): void {
    const last = this.#heard.get(host);
    if (last === undefined && this.#heard.size >= MAX_HOSTS) return;
    this.#heardAtMs.set(host, nowMs);
    if (number > (last ?? 0)) this.#heard.set(host, number);
  }

  lose(): void {
    this.#losses++;
    this.#before ??= new Map(this.#heard);
  }

  /** Nothing has passed unheard since, or the log has been told. */
  settle(): void {
    this.#before = undefined;
  }

  /**
   * Whether the log has to be told of a gap, which it is only once: an absence shows again in each stream of messages, with
   * the next one there, and that may be hours later.
   */
  hasToTell(host: string, upTo: number): boolean {
    if (upTo <= (this.#told.get(host) ?? 0)) return false;
    this.tell(host, upTo);
    return true;
  }

  /** The log has been told of all up to there; Infinity: nobody knows up to where. */
  tell(host: string, upTo: number): void {
    if (!Number.isFinite(upTo)) return;
    const before = this.#told.get(host);
    if (before === undefined && this.#told.size >= MAX_HOSTS) return;
    this.#told.set(host, Math.max(upTo, before ?? 0));
  }

  /** All but those that are known to live, or were heard since. */
  forget(living: ReadonlySet<string>, sinceMs: number): void {
    for (const host of new Set([...this.#heard.keys(), ...this.#told.keys()])) {
      if (living.has(host) || (this.#heardAtMs.get(host) ?? 0) > sinceMs) continue;
      for (const map of [this.#heard, this.#heardAtMs, this.#told]) map.delete(host);
    }
  }
}
