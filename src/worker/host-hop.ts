/**
 * The way to the other hosts of the cluster: knows where each listens and the secret that they share, as the primary tells;
 * opens requests there for forward.ts, and tells a host's requests from a client's. The other host's acceptor takes them
 * as any connection, to the worker whose session the target names.
 */
import {
  Agent,
  type AgentOptions,
  type ClientRequest,
  type ClientRequestArgs,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as TlsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { KnownHosts } from "../protocol/control.js";
import { type SessionOwner, sessionIdPrefix } from "../protocol/session-id.js";
import { adoptClientAddress, CLIENT_ADDRESS_HEADER, describeClient } from "./client-address.js";
import { openSeal, seal } from "./host-seal.js";

export const FORWARDED_HEADER = "x-holdfast-forwarded";

/** Well below the other side's keepAliveTimeout, so that it does not close a connection on which a request is under way. */
const IDLE_TIMEOUT_MS = 4_000;
/** To each worker of another host: as many as there may be to a sibling. */
const MAX_CONNECTIONS = 10_000;
const CONNECT_MS = 2_000;
/** As from a sibling: an app may set what headers it likes. */
const MAX_ANSWER_HEAD_BYTES = 1024 * 1024;

interface HopOptions extends ClientRequestArgs {
  /** Connections are kept for each worker by itself: the acceptor there reads the first request of one, and no other. */
  readonly owner: string;
}

class OwnerAgent extends Agent {
  override getName(options?: HopOptions): string {
    return `${options?.owner}:${super.getName(options)}`;
  }
}

class OwnerTlsAgent extends TlsAgent {
  override getName(options?: HopOptions): string {
    return `${options?.owner}:${super.getName(options)}`;
  }
}

const AGENT: AgentOptions = { keepAlive: true, timeout: IDLE_TIMEOUT_MS, maxSockets: MAX_CONNECTIONS };

export class HostHop {
  readonly #agent = new OwnerAgent(AGENT);
  /** Whose certificate it is, is not asked: hosts go by addresses that no certificate names. See docs/security.md. */
  readonly #tlsAgent = new OwnerTlsAgent({ ...AGENT, rejectUnauthorized: false });
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
    this.#addresses = new Map(Object.entries(hosts).map(([tag, address]) => [tag, new URL(address)]));
  }

  reaches(host: string): boolean {
    return this.#secret !== "" && this.#addresses.has(host);
  }

  /** Only to a host that it reaches. */
  open(owner: SessionOwner, request: IncomingMessage, headers: readonly string[]): ClientRequest {
    const address = this.#addresses.get(owner.host) as URL;
    const isTls = address.protocol === "https:";
    const word = seal(this.#secret, request, describeClient(request.socket));
    const options: HopOptions = {
      agent: isTls ? this.#tlsAgent : this.#agent,
      owner: sessionIdPrefix(owner),
      host: address.hostname.replace(/^\[|\]$/g, ""),
      port: address.port || (isTls ? 443 : 80),
      maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
      method: request.method,
      path: request.url,
      // First, since Node drops what comes after about a thousand headers.
      headers: [FORWARDED_HEADER, word, ...headers],
    };
    this.#sent++;
    const upstream = isTls ? httpsRequest(options) : httpRequest(options);
    limitConnecting(upstream, isTls ? "secureConnect" : "connect");
    return upstream;
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
    takeOut(request);
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

/** A machine that is gone says nothing. */
function limitConnecting(upstream: ClientRequest, connected: "connect" | "secureConnect"): void {
  upstream.once("socket", (socket) => {
    if (!socket.connecting) return;
    const late = () => upstream.destroy(Object.assign(new Error("the host does not answer"), { code: "ETIMEDOUT" }));
    // Where this process stood still, the connection is there and only has not been looked at: one more poll does that.
    const timer = setTimeout(() => setImmediate(() => socket.connecting && late()), CONNECT_MS);
    socket.once(connected, () => clearTimeout(timer));
    socket.once("close", () => clearTimeout(timer));
  });
}

/** Neither the app nor another host shall see it. */
function takeOut({ headers, rawHeaders }: IncomingMessage): void {
  for (const name of [FORWARDED_HEADER, CLIENT_ADDRESS_HEADER]) {
    delete headers[name];
    for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
      if (rawHeaders[i]?.toLowerCase() === name) rawHeaders.splice(i, 2);
    }
  }
}
