/**
 * The questions of hosts to each other: may I have this session? Each is answered once, or given up after a while. Runs in
 * the primary.
 */
import { REFUSALS, type Refusal } from "../session.js";
import { isPid, isUid } from "./key.js";
import type { Wanted } from "./retrieval.js";
import type { Seal } from "./seal.js";
import type { Store } from "./store.js";
import { readWord, type Word, writeWord } from "./word.js";

export interface ConversationParts {
  readonly store: Store;
  readonly seal: Seal;
  /** Lets go of a session of this host; says so once, with why not where that is so. */
  handOver(pid: string, namespace: string, done: (refusal?: Refusal) => void): void;
  onRefusedWord(): void;
}

/** The client's new worker waits for 5 s in all. */
const ANSWER_MS = 3_000;
const MAX_ASKING = 10_000;
/** Hosts whose last question is remembered, so that it cannot be asked by somebody else again. */
const MAX_ASKERS = 1_024;

export class Conversation {
  readonly #parts: ConversationParts;
  readonly #asking = new Map<number, (refusal: Refusal | undefined) => void>();
  readonly #lastOf = new Map<string, number>();
  #last = 0;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
  }

  ask(owner: string, { pid, namespace }: Wanted): Promise<Refusal | undefined> {
    if (this.#asking.size >= MAX_ASKING) return Promise.resolve("unreachable");
    const id = ++this.#last;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => this.#settle(id, "timeout"), ANSWER_MS);
      this.#asking.set(id, (refusal) => {
        clearTimeout(deadline);
        resolve(refusal);
      });
      const isSent = this.#say(owner, { kind: "ask", from: this.#parts.store.uid, id, pid, namespace });
      if (!isSent) this.#settle(id, "unreachable");
    });
  }

  onMessage(bytes: Buffer): void {
    const { store, seal, onRefusedWord } = this.#parts;
    const word = readWord(bytes, store.uid, seal);
    if (!word || !isUid(word.from) || word.from === store.uid) return onRefusedWord();
    if (word.kind === "answer") return this.#settle(word.id, refusalOf(word.refusal));
    if (!isPid(word.pid) || !this.#isNew(word.from, word.id)) return onRefusedWord();
    const { from, id } = word;
    this.#parts.handOver(word.pid, word.namespace, (refusal = undefined) => {
      this.#say(from, { kind: "answer", from: store.uid, id, refusal: refusal ?? "" });
    });
  }

  #say(to: string, word: Word): boolean {
    return this.#parts.store.tell(to, writeWord(word, to, this.#parts.seal));
  }

  #settle(id: number, refusal: Refusal | undefined): void {
    const settle = this.#asking.get(id);
    this.#asking.delete(id);
    settle?.(refusal);
  }

  #isNew(from: string, id: number): boolean {
    if (id <= (this.#lastOf.get(from) ?? 0)) return false;
    this.#lastOf.delete(from);
    this.#lastOf.set(from, id);
    if (this.#lastOf.size > MAX_ASKERS) this.#lastOf.delete(this.#lastOf.keys().next().value as string);
    return true;
  }
}

function refusalOf(text: string): Refusal | undefined {
  if (text === "") return undefined;
  return REFUSALS.find((known) => known === text) ?? "unreachable";
}
