/**
 * The answering side of a request between hosts: the switch asks the workers, and what they answer leaves once, as pieces
 * joined. Runs in the primary. What has been answered so far is foreign-requests.ts.
 */
import type { Deliver } from "./contract.js";
import { type Asker, ForeignRequests, type Report } from "./foreign-requests.js";
import type { FrameWriter } from "./frame-in.js";
import type { IncomingRequest, Outgoing, OutgoingAnswer, Question } from "./wire/message.js";

export interface AnsweringParts {
  readonly frames: FrameWriter;
  readonly deliver: Deliver;
  publish(message: Outgoing): boolean;
}

/** Socket.IO's own. */
const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_TIMEOUT_MS = 3_600_000;
/**
 * Anybody who can publish may ask in the manner of a plain server, with a timeout of his own choice: such requests are kept
 * for no longer, and leave half of what the switch keeps for one peer to the other hosts.
 */
const MAX_PLAIN_TIMEOUT_MS = 60_000;
const MAX_PLAIN_REQUESTS = 5_000;
/** msgpack's nil. */
const NIL = Buffer.from([0xc0]);

export class Answering {
  readonly #parts: AnsweringParts;
  readonly #requests = new ForeignRequests();

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#requests.size;
  }

  /** False: too many plain servers' requests are under way, and who asked hears nothing. */
  onRequest(received: IncomingRequest): boolean {
    if (!received.host && this.#requests.plain >= MAX_PLAIN_REQUESTS) return false;
    const request = { ...received, question: meantBy(received) };
    const { namespace, requestId, uid, host, question } = request;
    const wantedMs = request.timeoutMs || host?.timeoutMs || DEFAULT_TIMEOUT_MS;
    const timeoutMs = Math.min(wantedMs, host ? MAX_TIMEOUT_MS : MAX_PLAIN_TIMEOUT_MS);
    const asker: Asker = { namespace, requestId, uid, isHost: host !== undefined, name: question.name };
    const id = this.#requests.add(asker, timeoutMs, performance.now());
    this.#parts.deliver(this.#parts.frames.request(id, timeoutMs, request));
    return true;
  }

  onRefused(id: number): void {
    this.#requests.drop(id);
  }

  /** A worker's answer, which may be empty. */
  onResponse(id: number, payload: Buffer): void {
    if (payload.length > 0) this.#send(this.#requests.answered(id, payload));
  }

  onDone(id: number, answered: number, lost: number): void {
    this.#send(this.#requests.done(id), answered, lost);
  }

  sweep(nowMs: number): void {
    for (const report of this.#requests.sweep(nowMs)) this.#send(report);
  }

  #send(report: Report | undefined, answered = 0, lost = 0): void {
    if (!report) return;
    const { asker, pieces, last } = report;
    if (!asker.isHost) return this.#sendPlain(report);
    const host = { answered, lost, last, payloads: pieces };
    this.#publish(asker, emptyAnswer(asker.name), host);
  }

  #sendPlain(report: Report): void {
    const { asker } = report;
    for (const answer of plainAnswers(report)) this.#publish(asker, answer, undefined);
  }

  #publish(asker: Asker, answer: OutgoingAnswer, host: Extract<Outgoing, { kind: "response" }>["host"]): void {
    const { namespace, requestId, uid: to } = asker;
    this.#parts.publish({ kind: "response", namespace, requestId, to, answer, ...(host && { host }) });
  }
}

/** See `askedInSharded` in asking.ts. */
function meantBy({ question, host }: IncomingRequest): Question {
  if (question.name !== "fetch") return question;
  const name = host?.payloads[0]?.toString("latin1");
  return name === "ids" || name === "rooms" ? { name } : question;
}

/** What a Holdfast host does not look at. */
function emptyAnswer(name: Asker["name"]): OutgoingAnswer {
  switch (name) {
    case "event":
      return { name: "reply", value: NIL };
    case "emit":
      return { name: "clients", count: 0 };
    default:
      return { name, arrays: [] };
  }
}

/**
 * A plain server counts a host as one server: it gets one list, one reply, and one number of clients. That number is told
 * last, when it is known how many of them answer, so that none is waited for whose worker has died.
 */
function plainAnswers({ asker, pieces, last, count }: Report): OutgoingAnswer[] {
  switch (asker.name) {
    case "event":
      if (pieces.length > 0 && count === pieces.length) return [{ name: "reply", value: pieces[0] as Buffer }];
      return last && count === 0 ? [{ name: "reply", value: NIL }] : [];
    case "emit": {
      const acks: OutgoingAnswer[] = pieces.map((value) => ({ name: "ack", value }));
      return last ? [...acks, { name: "clients", count }] : acks;
    }
    default:
      return last ? [{ name: asker.name, arrays: pieces }] : [];
  }
}
