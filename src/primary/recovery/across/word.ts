/** What two hosts say to each other about one session. Pure; what is read is checked whole. */
import { FrameBatch, FrameReader, ProtocolError } from "../../../protocol/frame.js";
import type { Seal } from "./seal.js";

/** Asks for a session; answered once. */
export interface Ask {
  readonly kind: "ask";
  readonly from: string;
  /** Rises with each of one host. */
  readonly id: number;
  readonly pid: string;
  readonly namespace: string;
}

export interface Answer {
  readonly kind: "answer";
  readonly from: string;
  readonly id: number;
  /** Empty: it has been let go of, and its record says so. Else why not. */
  readonly refusal: string;
}

export type Word = Ask | Answer;

const VERSION = 1;
const ASK = 1;
const ANSWER = 2;
const MAX_WORD_BYTES = 16 * 1024;

export function writeWord(word: Word, to: string, seal: Seal): Buffer {
  const into = new FrameBatch().byte(VERSION).byte(word.kind === "ask" ? ASK : ANSWER);
  into.text(word.from).count(word.id);
  if (word.kind === "ask") into.text(word.pid).text(word.namespace);
  else into.text(word.refusal);
  return seal.close(to, into.take());
}

/** Undefined: it is none, or nobody who knows the secret has said it. */
export function readWord(sealed: Buffer, to: string, seal: Seal): Word | undefined {
  if (sealed.length > MAX_WORD_BYTES) return undefined;
  const bytes = seal.open(to, sealed);
  try {
    return bytes && read(new FrameReader(bytes, 0));
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function read(from: FrameReader): Word | undefined {
  if (from.byte() !== VERSION) return undefined;
  const kind = from.byte();
  const who = { from: from.text(), id: from.count() };
  if (kind === ASK) return { kind: "ask", ...who, pid: from.text(), namespace: from.text() };
  return kind === ANSWER ? { kind: "answer", ...who, refusal: from.text() } : undefined;
}
