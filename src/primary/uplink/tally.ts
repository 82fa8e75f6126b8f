/** What the uplink counts, and what of it the log is told: at most a line a second for each kind of trouble. */
import { type Limiter, limiter } from "../../log/rate.js";
import type { UplinkLog } from "./contract.js";
import type { HostWord } from "./host-registry.js";
import type { Refused } from "./wire/message.js";

const LOG_INTERVAL_MS = 1_000;
/** There from the start, so that a monitor finds what it is to watch. */
const NAMES = [
  "uplinkPublished",
  "uplinkReceived",
  "uplinkGaps",
  "uplinkMessagesMissed",
  "uplinkRefusedTooLarge",
  "uplinkRefusedMalformed",
  "uplinkRefusedTooDeep",
  "uplinkRefusedWrongShape",
  "uplinkRefusedUnknownType",
  "uplinkRefusedWrongChannel",
  "uplinkRefusedUnsigned",
  "uplinkRefusedWrongSignature",
  "uplinkRefusedReplayed",
  "uplinkRefusedOtherVersion",
  "uplinkTooLargeToSend",
  "uplinkRequestsCutShort",
  "uplinkRequestsRefused",
  "uplinkHostsIgnored",
  "uplinkCountsFailed",
  "uplinkFailures",
  "uplinkSecretFailures",
] as const;

/** How a host has left: it said so, Redis has lost it, or nothing has been heard of it. */
export type Farewell = "goodbye" | "dead" | "silent";

export type Counted = (typeof NAMES)[number];

export class Tally {
  readonly #log: UplinkLog;
  readonly #counts = new Map<Counted, number>(NAMES.map((name) => [name, 0]));
  readonly #limiters = new Map<string, Limiter>();

  constructor(log: UplinkLog) {
    this.#log = log;
  }

  get counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  count(name: Counted, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) as number) + by);
  }

  refused({ reason, version }: Refused): void {
    const what = reason.replace(/(^|-)(.)/g, (_, _dash, letter: string) => letter.toUpperCase());
    this.count(`uplinkRefused${what}` as Counted);
    this.#sparingly(reason, (suppressed) => {
      const text =
        reason === "other-version"
          ? `a host of another version (${version}) is in this cluster: it is not asked, and its commands are refused`
          : `a message from Redis was dropped: ${reason}`;
      this.#log.warn({ event: "redis-refused", reason, suppressed, ...(version !== undefined && { version }) }, text);
    });
  }

  /** Messages have been lost. `count` is unknown where this host itself was away. */
  gap(host: string | undefined, count: number | undefined): void {
    this.count("uplinkGaps");
    this.count("uplinkMessagesMissed", count ?? 0);
    this.#sparingly("gap", (suppressed) => {
      const text =
        count === undefined
          ? "Redis was away: what other hosts sent meanwhile is lost"
          : `${count} messages of another host were lost`;
      this.#log.warn({ event: "redis-gap", host, count, suppressed }, text);
    });
  }

  /** Hosts that do not share a secret take no requests from each other. */
  noSecret(error: Error): void {
    this.count("uplinkSecretFailures");
    this.#sparingly("no-secret", (suppressed) => {
      const text = `requests of clients go to no other host, for the key of their secret cannot be had: ${error.message}`;
      this.#log.warn({ event: "forward-secret-failed", suppressed, err: error }, text);
    });
  }

  /** Whatever is sent to that host would come to this one. */
  sameAddress(host: string, address: string): void {
    this.#sparingly("same-address", (suppressed) => {
      const text = `host ${host} announces ${address}, as this one does: give each its own by --advertise`;
      this.#log.warn({ event: "advertise-clash", host, address, suppressed }, text);
    });
  }

  /** An error of our own. */
  failed(err: unknown): void {
    this.count("uplinkFailures");
    this.#sparingly("failed", (suppressed) => {
      this.#log.error({ event: "redis-failed", err, suppressed }, "a message to or from Redis was dropped");
    });
  }

  hostCame({ hostId, release }: HostWord, hosts: number): void {
    this.#log.info({ event: "host-joined", host: hostId, release, hosts }, `host ${hostId} has joined`);
  }

  hostWent({ hostId }: Pick<HostWord, "hostId">, hosts: number, why: Farewell): void {
    this.#log.info({ event: "host-left", host: hostId, why, hosts }, `host ${hostId} has left (${why})`);
  }

  #sparingly(kind: string, speak: (suppressed: number) => void): void {
    const say = this.#limiters.get(kind) ?? limiter(LOG_INTERVAL_MS);
    this.#limiters.set(kind, say);
    say(speak);
  }
}
