/**
 * The secret by which hosts know each other's forwarded requests: made of `--redis-secret` where there is one, else a
 * random one that the first host has left in Redis. Redis may forget it, so it is asked again and again, and whoever asks
 * offers what it has: hosts that have agreed bring it back, and a newcomer takes what it finds. Runs in the primary.
 */
import { hkdfSync, randomBytes } from "node:crypto";

const SECRET_BYTES = 32;
const LABEL = "holdfast forwarded requests 1";
/** What one of us would write. */
const WELL_FORMED = /^[\w-]{43}$/;

/** Keeps `value` under `key` unless something is there already, and gives what is there. */
export type ShareValue = (key: string, value: string) => Promise<string>;

export class ForwardSecret {
  readonly #key: string;
  readonly #isDerived: boolean;
  readonly #share: ShareValue;
  readonly #candidate: string;
  #current = "";

  constructor(options: { readonly prefix: string; readonly redisSecret?: string | undefined }, share: ShareValue) {
    const { prefix, redisSecret } = options;
    this.#key = `${prefix}-holdfast-secret`;
    this.#isDerived = redisSecret !== undefined;
    this.#share = share;
    this.#candidate = redisSecret === undefined ? randomSecret() : derivedSecret(redisSecret);
    if (this.#isDerived) this.#current = this.#candidate;
  }

  /** Empty while it is not known. */
  get current(): string {
    return this.#current;
  }

  /** Whether it has changed. Rejects when Redis is away, refuses, or holds something else under that name. */
  async agree(): Promise<boolean> {
    if (this.#isDerived) return false;
    const found = await this.#share(this.#key, this.#current || this.#candidate);
    if (!WELL_FORMED.test(found)) throw new Error(`the key ${this.#key} holds something that is not Holdfast's`);
    const changed = found !== this.#current;
    this.#current = found;
    return changed;
  }
}

function randomSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

function derivedSecret(redisSecret: string): string {
  return Buffer.from(hkdfSync("sha256", redisSecret, "", LABEL, SECRET_BYTES)).toString("base64url");
}
