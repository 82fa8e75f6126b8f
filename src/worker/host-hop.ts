/**
 * The way to the other hosts of the cluster: knows where each listens and the secret that they share, as the primary tells;
 * opens requests there for forward.ts, and tells a host's requests from a client's. The other host's acceptor takes them
 * as any connection, to the worker whose session the target names.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { createConnection, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { KnownHosts } from "../protocol/control.js";
import { type SessionOwner, sessionIdPrefix } from "../protocol/session-id.js";
import type { Way } from "./carriage.js";
import { adoptClientAddress, CLIENT_ADDRESS_HEADER, describeClient } from "./client-address.js";
import { FORWARDED_HEADER, onward } from "./end-to-end.js";
import { openSeal, seal } from "./host-seal.js";
import { Destinations } from "./kept-connections.js";
import { MAX_ANSWER_HEAD_BYTES, removeHeader } from "./message-head.js";

const CONNECT_MS = 2_000;

/** Where a host listens. */
interface Place {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

export class HostHop {
  /** Kept for each worker by itself: the acceptor there reads the first request of a connection, and no other. */
  readonly #workers = new Destinations();
  /** By host and port, so that most connections need no whole handshake. */
  readonly #tlsSessions = new Map<string, Buffer>();
  readonly #onRefused: () => void;
  /** Connections of hosts: whatever comes on one is a host's, or nobody's. */
  readonly #ofHosts = new WeakSet<Socket>();
  #secret = "";
  #addresses = new Map<string, URL>();
  #sent = 0;
  #taken = 0;

  /** `onRefused`: a request claimed to be a host's, and is not. */
  constructor(onRefused: () => void) {
    this.#onRefused = onRefused;
  }

  /** Requests and upgrades sent to other hosts so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Those of other hosts that came here. */
  get taken(): number {
    return this.#taken;
  }

  /** The primary's word, which replaces the one before. */
  learn({ secret, hosts }: KnownHosts): void {
    this.#secret = secret;
    this.#tlsSessions.clear();
    this.#addresses = new Map(Object.entries(hosts).map(([tag, address]) => [tag, new URL(address)]));
  }

  reaches(host: string): boolean {
    return this.#secret !== "" && this.#addresses.has(host);
  }

  /** For plain requests; only to a host that it reaches. */
  wayTo(owner: SessionOwner, request: IncomingMessage): Way {
    const address = this.#addresses.get(owner.host) as URL;
    const key = `${sessionIdPrefix(owner)} ${address.href}`;
    const connections = this.#workers.to(key, () => this.#connect(placeOf(address)));
    this.#sent++;
    return { connections, headers: this.#word(request) };
  }

  /** For upgrades, to which the headers `upgrade` belong; only to a host that it reaches. */
  open(owner: SessionOwner, request: IncomingMessage, upgrade: readonly string[]): ClientRequest {
    const place = placeOf(this.#addresses.get(owner.host) as URL);
    const options = {
      agent: false as const,
      host: place.host,
      port: place.port,
      maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
      method: request.method,
      path: request.url,
      headers: [...onward(this.#word(request), request), ...upgrade],
    };
    this.#sent++;
    const upstream = place.isTls ? httpsRequest({ ...options, ...ANY_CERTIFICATE }) : httpRequest(options);
    upstream.once("socket", (socket) => limitConnecting(socket, place.isTls));
    return upstream;
  }

  #word(request: IncomingMessage): string[] {
    return [FORWARDED_HEADER, seal(this.#secret, request, describeClient(request.socket))];
  }

  #connect(place: Place): Socket {
    const socket = place.isTls
      ? this.#connectTls(place)
      : createConnection({ host: place.host, port: place.port, noDelay: true });
    limitConnecting(socket, place.isTls);
    return socket;
  }

  #connectTls({ host, port }: Place): TLSSocket {
    const key = `${host} ${port}`;
    const session = this.#tlsSessions.get(key);
    const socket = connectTls({
      ...ANY_CERTIFICATE,
      host,
      port,
      ...(isIP(host) === 0 && { servername: host }),
      ...(session && { session }),
    });
    socket.setNoDelay(true);
    socket.on("session", (fresh) => this.#tlsSessions.set(key, fresh));
    return socket;
  }

  /**
   * Whose request it is that came from outside. A host's bears its client's address from now on; undefined: it came on a
   * host's connection without its word, so it cannot be said whose it is.
   */
  sourceOf(request: IncomingMessage): "client" | "host" | undefined {
    const header = request.headers[FORWARDED_HEADER];
    if (header !== undefined && this.#believe(request, String(header))) return "host";
    return this.#ofHosts.has(request.socket) ? undefined : "client";
  }

  #believe(request: IncomingMessage, header: string): boolean {
    const client = this.#secret === "" ? undefined : openSeal(this.#secret, request, header);
    // Neither the app nor another host shall see them.
    for (const name of [FORWARDED_HEADER, CLIENT_ADDRESS_HEADER]) removeHeader(request, name);
    if (client === undefined) {
      this.#onRefused();
      return false;
    }
    this.#ofHosts.add(request.socket);
    this.#taken++;
    // As if a sibling had sent it.
    request.headers[CLIENT_ADDRESS_HEADER] = client;
    request.rawHeaders.push(CLIENT_ADDRESS_HEADER, client);
    return adoptClientAddress(request);
  }
}

/** Whose it is, is not asked: hosts go by addresses that no certificate names. See docs/security.md. */
const ANY_CERTIFICATE = { rejectUnauthorized: false };

function placeOf({ protocol, hostname, port }: URL): Place {
  const isTls = protocol === "https:";
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || (isTls ? 443 : 80), isTls };
}

/** A machine that is gone says nothing. */
function limitConnecting(socket: Socket, isTls: boolean): void {
  if (!socket.connecting) return;
  const late = () => socket.destroy(Object.assign(new Error("the host does not answer"), { code: "ETIMEDOUT" }));
  // Where this process stood still, the connection is there and only has not been looked at: one more poll does that.
  const timer = setTimeout(() => setImmediate(() => socket.connecting && late()), CONNECT_MS);
  socket.once(isTls ? "secureConnect" : "connect", () => clearTimeout(timer));
  socket.once("close", () => clearTimeout(timer));
}
