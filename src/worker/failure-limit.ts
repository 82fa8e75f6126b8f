/** How often one client may fail before it has to wait. Pure but for its memory, which is bounded. */
import { addressGroup } from "../protocol/network.js";
import { TokenBucket } from "../protocol/token-bucket.js";

/** Ten wrong passwords at once, then one every six seconds: a person notices nothing, a list of words does. */
const AT_ONCE = 10;
const PER_SECOND = 1 / 6;
const MAX_CLIENTS = 10_000;

export class FailureLimit {
  /** In the order of use: when there are too many, the one that has not tried for longest is forgotten. */
  readonly #buckets = new Map<string, TokenBucket>();

  get clients(): number {
    return this.#buckets.size;
  }

  /** Takes one try; 0, or how long to wait for it. Taken before it is known how the try ends, since many may come at once. */
  tryMs(address: string | undefined, nowMs: number): number {
    const bucket = this.#bucketOf(groupOf(address));
    return bucket.take(nowMs) ? 0 : bucket.waitMs(nowMs);
  }

  /** The try did not fail. */
  giveBack(address: string | undefined): void {
    this.#buckets.get(groupOf(address))?.giveBack();
  }

  #bucketOf(group: string): TokenBucket {
    const bucket = this.#buckets.get(group) ?? new TokenBucket(PER_SECOND, AT_ONCE);
    this.#buckets.delete(group);
    this.#buckets.set(group, bucket);
    if (this.#buckets.size > MAX_CLIENTS) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return bucket;
  }
}

function groupOf(address: string | undefined): string {
  return address === undefined ? "" : addressGroup(address);
}
