/**
 * Carries a request to the worker that has its session, over a sibling's private Unix socket or to another host, and the answer
 * back: streamed both ways with back-pressure. If the sibling is gone before anything was answered, the request is
 * answered here; if it lives and cannot be reached, with 503. A stuck sibling is waited for: the primary kills it, which
 * ends the connection. Knows HTTP and paths of sockets, not Engine.IO.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { createConnection, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SessionOwner } from "../protocol/session-id.js";
import { carry, type Way } from "./carriage.js";
import { CLIENT_ADDRESS_HEADER, describeClient } from "./client-address.js";
import { endToEnd, onward } from "./end-to-end.js";
import type { HostHop } from "./host-hop.js";
import { Destinations } from "./kept-connections.js";
import { MAX_ANSWER_HEAD_BYTES, writeHead } from "./message-head.js";
import { refuseUpgrade, UNAVAILABLE } from "./refusal.js";
import { Turn } from "./turn.js";

type Headers = Readonly<Record<string, string>>;

/** An upgraded connection that passes through. */
export interface Relay {
  /** What the owner has said already still reaches the client. */
  close(): void;
}

/** Where a session's requests go. */
export interface Sibling {
  readonly slot: number;
  readonly incarnation: number;
}

/**
 * Only these say that the worker, or its host, is gone. Others (EAGAIN, EMFILE, a certificate) are of one that lives, and so
 * does the session.
 */
const GONE = new Set<string | undefined>([
  "ENOENT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
]);

export class Forwarder {
  /** The way to other hosts, where there are any. */
  hosts: HostHop | undefined;
  readonly #pathOf: (sibling: Sibling) => string;
  readonly #siblings = new Destinations();
  readonly #turn = new Turn();
  readonly #headersFor: (request: IncomingMessage) => Headers;
  readonly #relays = new Set<Relay>();
  #count = 0;

  /** `pathOf` names a worker's private socket, `headersFor` gives what a page needs to read an error. */
  constructor(pathOf: (sibling: Sibling) => string, headersFor: (request: IncomingMessage) => Headers = () => ({})) {
    this.#pathOf = pathOf;
    this.#headersFor = headersFor;
  }

  /** Requests and upgrades forwarded to siblings so far. */
  get count(): number {
    return this.#count;
  }

  /** Upgraded connections that pass through here now. */
  get relays(): readonly Relay[] {
    return [...this.#relays];
  }

  /** Whether another host's sessions can be reached. */
  reaches(host: string): boolean {
    return this.hosts?.reaches(host) === true;
  }

  /** `answerHere` is called when the sibling is gone and has answered nothing. */
  request(owner: SessionOwner, request: IncomingMessage, response: ServerResponse, answerHere: () => void): void {
    const carry = () => this.#carry(owner, request, response, answerHere);
    if (this.#turn.take(request.socket, response, carry)) return;
    refuse(response, { ...this.#headersFor(request), Connection: "close" });
  }

  #carry(owner: SessionOwner, request: IncomingMessage, response: ServerResponse, answerHere: () => void): void {
    const host = this.reaches(owner.host) ? this.hosts : undefined;
    const way = host ? host.wayTo(owner, request) : this.#wayToSibling(owner, request);
    const onFailure = (code: string | undefined) => {
      if (request.socket.destroyed) return;
      if (GONE.has(code)) answerHere();
      else refuse(response, this.#headersFor(request));
    };
    if (!carry(way, { request, response, onFailure })) return answerHere();
    if (!host) this.#count++;
  }

  #wayToSibling(sibling: Sibling, request: IncomingMessage): Way {
    const path = this.#pathOf(sibling);
    const connections = this.#siblings.to(path, () => createConnection({ path }));
    return { connections, headers: wordOf(request) };
  }

  upgrade(owner: SessionOwner, request: IncomingMessage, socket: Duplex, head: Buffer, answerHere: () => void): void {
    const protocol = request.headers.upgrade ?? "websocket";
    const upstream = this.#open(owner, request, ["Connection", "Upgrade", "Upgrade", protocol]);
    if (!upstream) return answerHere();
    const abort = () => upstream.destroy();
    socket.on("error", abort);
    socket.once("close", abort);
    upstream.on("upgrade", (answer: IncomingMessage, peer: Socket, peerHead: Buffer) => {
      socket.write(Buffer.concat([headOf(answer, answer.rawHeaders), peerHead]));
      peer.write(head);
      this.#relay(socket, peer);
    });
    upstream.on("response", (answer: IncomingMessage) => {
      socket.write(headOf(answer, [...endToEnd(answer.rawHeaders), "Connection", "close"]));
      answer.on("error", () => socket.destroy());
      answer.pipe(socket);
    });
    upstream.on("error", ({ code }: NodeJS.ErrnoException) => {
      socket.off("close", abort);
      if (socket.destroyed) return;
      if (GONE.has(code)) answerHere();
      else refuseUpgrade(socket, UNAVAILABLE, this.#headersFor(request));
    });
    upstream.end();
  }

  #relay(client: Duplex, owner: Socket): void {
    join(client, owner);
    const relay = { close: () => endGently(client, owner) };
    this.#relays.add(relay);
    owner.once("close", () => this.#relays.delete(relay));
  }

  /** Undefined: what the client sent is nothing that Node would send on. */
  #open(owner: SessionOwner, request: IncomingMessage, upgrade: readonly string[]): ClientRequest | undefined {
    try {
      if (this.hosts?.reaches(owner.host)) return this.hosts.open(owner, request, upgrade);
      this.#count++;
      return this.#openSibling(owner, request, upgrade);
    } catch {
      return undefined;
    }
  }

  #openSibling(sibling: Sibling, request: IncomingMessage, upgrade: readonly string[]): ClientRequest {
    return httpRequest({
      agent: false,
      socketPath: this.#pathOf(sibling),
      maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
      method: request.method,
      path: request.url,
      headers: [...onward(wordOf(request), request), ...upgrade],
    });
  }
}

function wordOf(request: IncomingMessage): string[] {
  return [CLIENT_ADDRESS_HEADER, describeClient(request.socket)];
}

function refuse(response: ServerResponse, headers: Headers): void {
  response.writeHead(503, { "Retry-After": "1", ...headers }).end();
}

function headOf(answer: IncomingMessage, rawHeaders: readonly string[]): Buffer {
  return writeHead(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`, rawHeaders);
}

/** What ends is ended on the other side, what breaks is broken there. */
function join(one: Duplex, other: Duplex): void {
  passOn(one, other);
  passOn(other, one);
}

/** The owner ends its side when it reads this end, and that is passed on, behind all that it has written. */
function endGently(client: Duplex, owner: Socket): void {
  client.unpipe(owner);
  client.resume();
  owner.end();
}

function passOn(from: Duplex, to: Duplex): void {
  from.on("error", () => to.destroy());
  from.once("close", () => {
    if (!from.readableEnded) to.destroy();
  });
  from.pipe(to);
}
