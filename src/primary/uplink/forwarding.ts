/**
 * What workers need to bring a client's request to the host that has its session: where the others are, and the secret that
 * all share. Runs in the primary; it takes words of other hosts, and tells of each change.
 */
import type { KnownHosts } from "../../protocol/control.js";
import { AddressBook, type AddressWord } from "./address-book.js";
import { ForwardSecret, type ShareValue } from "./forward-secret.js";
import type { Tally } from "./tally.js";

export interface ForwardingOptions {
  readonly hostTag: string;
  readonly prefix: string;
  readonly redisSecret: string | undefined;
}

/** A Redis that has lost the secret without losing us. */
const AGREE_TICKS = 30;
/** While it could not be had. */
const RETRY_TICKS = 3;

export class Forwarding {
  onChange: (hosts: KnownHosts) => void = () => {};
  ownAddress = "";

  readonly #book: AddressBook;
  readonly #secret: ForwardSecret;
  readonly #tally: Tally;
  #ticks = 0;
  #agreeing = false;

  constructor({ hostTag, prefix, redisSecret }: ForwardingOptions, share: ShareValue, tally: Tally) {
    this.#book = new AddressBook(hostTag);
    this.#secret = new ForwardSecret({ prefix, redisSecret }, share);
    this.#tally = tally;
  }

  get knownHosts(): KnownHosts {
    return { secret: this.#secret.current, hosts: this.#book.addresses };
  }

  /** `isNew`: it may have found Redis without the secret. */
  heard(word: AddressWord & { readonly hostId: string }, isNew: boolean): void {
    if (isNew) this.agree();
    if (!this.#book.heard(word)) return;
    this.#changed();
    if (word.address === this.ownAddress && !word.goodbye) this.#tally.sameAddress(word.hostId, word.address);
  }

  /** A second has passed with Redis at hand. */
  tick(): void {
    if (this.#book.tick()) this.#changed();
    const every = this.#secret.current === "" ? RETRY_TICKS : AGREE_TICKS;
    if (++this.#ticks % every === 0) this.agree();
  }

  agree(): void {
    if (this.#agreeing) return;
    this.#agreeing = true;
    this.#secret
      .agree()
      .then((changed) => changed && this.#changed())
      .catch((error: Error) => this.#tally.noSecret(error))
      .finally(() => {
        this.#agreeing = false;
      });
  }

  #changed(): void {
    this.onChange(this.knownHosts);
  }
}
