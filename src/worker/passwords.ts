/**
 * Who may come in by `Authorization: Basic`. bcrypt is slow on purpose and runs on the worker's own thread, so what was
 * right once is remembered, by a keyed hash and never as it is; few are tried at a time; and who fails has to wait.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import bcrypt from "bcryptjs";
import type { PasswordEntries, PasswordEntry } from "../protocol/password-file.js";
import { FailureLimit } from "./failure-limit.js";

export type Verdict =
  | { readonly kind: "welcome" }
  /** No password, or a wrong one. */
  | { readonly kind: "unknown"; readonly wasWrong: boolean }
  /** Too many wrong ones from this address. */
  | { readonly kind: "wait"; readonly ms: number }
  /** Too many are being tried at this moment. */
  | { readonly kind: "busy" };

const WELCOME: Verdict = { kind: "welcome" };
const MAX_REMEMBERED = 1_000;
const MAX_TRIES = 32;

interface Credentials {
  readonly user: string;
  readonly password: string;
}

export class Passwords {
  readonly #entries: PasswordEntries;
  /** Compared with the passwords of users who do not exist, so that it takes as long. */
  readonly #costliest: PasswordEntry;
  readonly #key = randomBytes(32);
  readonly #remembered = new Set<string>();
  readonly #tries = new Map<string, Promise<boolean>>();
  readonly #failures = new FailureLimit();

  constructor(entries: PasswordEntries) {
    this.#entries = entries;
    this.#costliest = [...entries.values()].reduce((a, b) => (b.cost > a.cost ? b : a));
  }

  /** At once where it can be told at once. */
  judge(authorization: string | undefined, address: string | undefined, nowMs: number): Verdict | Promise<Verdict> {
    const credentials = credentialsIn(authorization);
    if (!credentials) return { kind: "unknown", wasWrong: false };
    const digest = this.#digestOf(credentials);
    if (this.#remembered.has(digest)) return WELCOME;
    // A page asks for many things at once with the same password: that is one try.
    const running = this.#tries.get(digest);
    if (running) return running.then(verdictOf);
    const waitMs = this.#failures.tryMs(address, nowMs);
    if (waitMs > 0) return { kind: "wait", ms: waitMs };
    if (this.#tries.size >= MAX_TRIES) return { kind: "busy" };
    return this.#try(digest, credentials, address).then(verdictOf);
  }

  async #try(digest: string, credentials: Credentials, address: string | undefined): Promise<boolean> {
    const trying = this.#verify(digest, credentials);
    this.#tries.set(digest, trying);
    const isRight = await trying;
    if (isRight) this.#failures.giveBack(address);
    return isRight;
  }

  async #verify(digest: string, { user, password }: Credentials): Promise<boolean> {
    try {
      const entry = this.#entries.get(user);
      const isRight = await isPassword(password, entry ?? this.#costliest);
      if (entry && isRight) this.#remember(digest);
      // A wrong password must not take less time where the user's hash is a cheap one.
      else if (entry && entry.cost < this.#costliest.cost) await isPassword(password, this.#costliest);
      return entry !== undefined && isRight;
    } finally {
      this.#tries.delete(digest);
    }
  }

  #remember(digest: string): void {
    this.#remembered.add(digest);
    if (this.#remembered.size > MAX_REMEMBERED)
      this.#remembered.delete(this.#remembered.values().next().value as string);
  }

  #digestOf({ user, password }: Credentials): string {
    return createHmac("sha256", this.#key).update(`${user}:${password}`).digest("base64");
  }
}

function verdictOf(isRight: boolean): Verdict {
  return isRight ? WELCOME : { kind: "unknown", wasWrong: true };
}

async function isPassword(password: string, { scheme, hash }: PasswordEntry): Promise<boolean> {
  if (scheme === "bcrypt") return bcrypt.compare(password, hash);
  return timingSafeEqual(createHash("sha1").update(password).digest(), Buffer.from(hash, "base64"));
}

function credentialsIn(authorization: string | undefined): Credentials | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
