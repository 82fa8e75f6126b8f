/**
 * The asking side of a request between hosts: a request crosses Redis once, and its answers go to the worker that asks, each
 * as it came. Runs in the primary. Who has yet to answer is remote-requests.ts.
 */
import { Encoding } from "../../protocol/content.js";
import type { Deliver } from "./contract.js";
import { encodingOf, type FrameWriter } from "./frame-in.js";
import type { Asked } from "./frame-out.js";
import { type PlainAnswer, RemoteRequests } from "./remote-requests.js";
import type { Answer, HostPart, IncomingResponse, Outgoing, OutgoingQuestion } from "./wire/message.js";

/** msgpack's empty array. */
const NO_ARGUMENTS = Buffer.from([0x90]);

export interface AskingParts {
  readonly mode: "classic" | "sharded";
  readonly uid: string;
  readonly frames: FrameWriter;
  readonly deliver: Deliver;
  /** With a secret, what plain servers answer is refused, so none is waited for. */
  readonly believesPlain: boolean;
  /** Whether Redis can be reached: what is asked otherwise is answered by this host alone. */
  isReady(): boolean;
  /** False: it did not leave. */
  publish(message: Outgoing): boolean;
  /** The hosts that serve the namespace. */
  hostsServing(namespace: string): readonly string[];
  /** Tells `hostGone` of those of the hosts that are dead, and gives the number of plain servers. */
  takeCensus(namespace: string, hosts: readonly string[]): Promise<number>;
}

export class Asking {
  readonly #parts: AskingParts;
  readonly #requests = new RemoteRequests();
  #lastRequest = 0;

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#requests.size;
  }

  ask({ id, timeoutMs, address, question, payloads }: Asked): void {
    if (!question || !this.#parts.isReady()) return this.#end(id);
    const { namespace } = address;
    const requestId = `${this.#parts.uid}.${++this.#lastRequest}`;
    const hosts = this.#parts.hostsServing(namespace);
    const request = { id, namespace, counts: question.name === "emit", timeoutMs };
    this.#requests.add(requestId, request, hosts, performance.now());
    const wanted = this.#parts.mode === "sharded" ? askedInSharded(question, payloads) : { question, payloads };
    const host = { timeoutMs, payloads: wanted.payloads };
    if (!this.#parts.publish({ kind: "request", namespace, requestId, address, question: wanted.question, host })) {
      return this.#end(this.#requests.drop(requestId));
    }
    const plainAnswer = this.#parts.believesPlain && !isForHosts(question);
    void this.#parts.takeCensus(namespace, hosts).then((servers) => {
      this.#end(this.#requests.expectPlain(requestId, plainAnswer ? servers : 0));
    });
  }

  onResponse({ requestId, host, answer }: IncomingResponse): void {
    const id = this.#requests.idFor(requestId);
    if (id === undefined) return;
    if (host) this.#onHost(id, requestId, host);
    else this.#onPlain(id, requestId, answer);
  }

  hostGone(uid: string): void {
    for (const id of this.#requests.dropHost(uid)) this.#end(id);
  }

  /** Redis is away: what has not come yet will not come. How many that were. */
  cutShort(): number {
    const ids = this.#requests.dropAll();
    for (const id of ids) this.#end(id);
    return ids.length;
  }

  /** Looks whether those who have yet to answer are alive. */
  sweep(nowMs: number): void {
    this.#requests.sweep(nowMs);
    for (const [namespace, hosts] of this.#requests.owing()) void this.#parts.takeCensus(namespace, [...hosts]);
  }

  #onHost(id: number, requestId: string, { uid, payloads, last }: HostPart): void {
    for (const payload of payloads) this.#respond(id, Encoding.own, payload);
    if (last) this.#end(this.#requests.hostAnswered(requestId, uid));
  }

  #onPlain(id: number, requestId: string, answer: Answer): void {
    const value = packedIn(answer);
    if (value) this.#respond(id, encodingOf(value), value.bytes);
    this.#end(this.#requests.plainAnswered(requestId, countable(answer)));
  }

  #respond(id: number, encoding: number, payload: Buffer): void {
    this.#parts.deliver(this.#parts.frames.response(id, encoding, payload));
  }

  #end(id: number | undefined): void {
    if (id !== undefined) this.#parts.deliver(this.#parts.frames.lastResponse(id));
  }
}

/**
 * The sharded format has no word for ids and rooms. A plain server is asked for its sockets, of which the asking worker
 * reads them; a Holdfast host finds what is meant in the payload.
 */
function askedInSharded(question: OutgoingQuestion, payloads: readonly Buffer[]) {
  if (question.name !== "ids" && question.name !== "rooms") return { question, payloads };
  return { question: { name: "fetch" } as const, payloads: [Buffer.from(question.name)] };
}

/** A `serverSideEmit` of what has no plain form goes to plain servers without arguments; they do not answer. */
function isForHosts(question: OutgoingQuestion): boolean {
  return question.name === "event" && question.args.equals(NO_ARGUMENTS);
}

function packedIn(answer: Answer) {
  switch (answer.name) {
    case "sockets":
      return answer.sockets;
    case "rooms":
      return answer.rooms;
    case "reply":
    case "ack":
      return answer.value;
    default:
      return undefined;
  }
}

function countable(answer: Answer): PlainAnswer {
  return answer.name === "clients" || answer.name === "ack" ? answer : { name: "other" };
}
