/**
 * What a request must pass before Engine.IO or the app sees it: whose it is (a trusted proxy's word), whether its page's
 * origin may connect, whether its user may, and how large its body may be. What is refused is answered here, so that the
 * page that asked can read it. Requests that a sibling forwards have passed its door already.
 */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { WorkerSettings } from "../protocol/control.js";
import { allowsOrigin, crossOriginHeaders, type Headers, isPreflight, type Origins } from "../protocol/cross-origin.js";
import { type Trust, trustOf } from "../protocol/network.js";
import { parsePasswordFile } from "../protocol/password-file.js";
import { type Peer, peerOf } from "../protocol/peer.js";
import { sessionIdOf } from "../protocol/request-target.js";
import { announcesTooMuch, limitChunks } from "./body-limit.js";
import { setPeer } from "./client-address.js";
import { forwardedPeer } from "./forwarded-header.js";
import { Passwords, type Verdict } from "./passwords.js";
import { type Refusal, refuseRequest, refuseUpgrade, responseText, UNAVAILABLE } from "./refusal.js";

interface DoorkeeperParts {
  /** Undefined: every origin may connect, and the app's own `cors` says which page may read the answers. */
  readonly allowedOrigins: Origins | undefined;
  /** Pages that may read what is refused here. */
  readonly readingOrigins: Origins;
  readonly passwords: Passwords | undefined;
  readonly trust: Trust;
  readonly maxBodyBytes: number;
  /** Counts what was refused, by name. */
  readonly count: (reason: string) => void;
}

/** Engine.IO's own words for what may not connect. */
const FORBIDDEN: Refusal = {
  status: "403 Forbidden",
  headers: { "Content-Type": "application/json" },
  body: '{"code":4,"message":"Forbidden"}',
};
const TOO_LARGE: Refusal = { status: "413 Payload Too Large" };
const UNAUTHORIZED: Refusal = {
  status: "401 Unauthorized",
  headers: { "WWW-Authenticate": 'Basic realm="holdfast", charset="UTF-8"' },
};

type DoorSettings = Pick<WorkerSettings, "corsOrigins" | "basicAuth" | "trustProxy" | "maxBodyBytes">;

type Answer = (refusal: Refusal) => void;

export class Doorkeeper {
  readonly #parts: DoorkeeperParts;
  /** Of connections of proxies: who they are themselves. */
  readonly #proxies = new WeakMap<Socket, Peer>();

  /** `ownOrigins` are those that the app lets in, where the settings name none: of these it is known only who may read. */
  static of(settings: DoorSettings, ownOrigins: Origins, count: (reason: string) => void): Doorkeeper {
    const { corsOrigins, basicAuth, trustProxy, maxBodyBytes } = settings;
    return new Doorkeeper({
      allowedOrigins: corsOrigins,
      readingOrigins: corsOrigins ?? ownOrigins,
      passwords: basicAuth === undefined ? undefined : readPasswords(basicAuth),
      trust: trustOf(trustProxy ?? []),
      maxBodyBytes,
      count,
    });
  }

  private constructor(parts: DoorkeeperParts) {
    this.#parts = parts;
  }

  /** So that the page that asked can read an answer. */
  crossOrigin({ headers }: IncomingMessage): Headers {
    return crossOriginHeaders(this.#parts.readingOrigins, headers.origin);
  }

  /** `isEngine`: it is Socket.IO's. Calls `enter` when the request may come in, else answers it. */
  request(request: IncomingMessage, response: ServerResponse, isEngine: boolean, enter: () => void): void {
    const answer: Answer = (refusal) => refuseRequest(request, response, refusal, this.crossOrigin(request));
    this.#settleAddress(request);
    this.#ask(request, isEngine, answer, () => {
      if (isEngine || this.#bodyMayCome(request, response, answer)) enter();
    });
  }

  upgrade(request: IncomingMessage, socket: Socket, isEngine: boolean, enter: () => void): void {
    this.#settleAddress(request);
    this.#ask(request, isEngine, (refusal) => refuseUpgrade(socket, refusal, this.crossOrigin(request)), enter);
  }

  #ask(request: IncomingMessage, isEngine: boolean, answer: Answer, enter: () => void): void {
    const { allowedOrigins, passwords } = this.#parts;
    if (isEngine && allowedOrigins && !allowsOrigin(allowedOrigins, request.headers.origin)) {
      this.#parts.count("origin-refused");
      return answer(FORBIDDEN);
    }
    if (!passwords || (isEngine && this.#needsNoPassword(request))) return enter();
    const { authorization } = request.headers;
    const verdict = passwords.judge(authorization, request.socket.remoteAddress, performance.now());
    const act = (given: Verdict) => this.#act(given, answer, enter);
    if (!(verdict instanceof Promise)) return act(verdict);
    void verdict.then((given) => {
      if (!request.socket.destroyed) act(given);
    });
  }

  /** A session's id is a secret of its own, and browsers send preflights without passwords. */
  #needsNoPassword(request: IncomingMessage): boolean {
    const { method, headers, url } = request;
    if (isPreflight(method, headers) && this.#parts.readingOrigins.length > 0) return true;
    return sessionIdOf(url ?? "") !== undefined;
  }

  #act(verdict: Verdict, answer: Answer, enter: () => void): void {
    switch (verdict.kind) {
      case "welcome":
        return enter();
      case "unknown":
        if (verdict.wasWrong) this.#parts.count("password-refused");
        return answer(UNAUTHORIZED);
      case "wait":
        this.#parts.count("password-limited");
        return answer({
          status: "429 Too Many Requests",
          headers: { "Retry-After": String(Math.ceil(verdict.ms / 1_000)) },
        });
      case "busy":
        this.#parts.count("password-busy");
        return answer(UNAVAILABLE);
      default:
        verdict satisfies never;
    }
  }

  #bodyMayCome(request: IncomingMessage, response: ServerResponse, answer: Answer): boolean {
    const { maxBodyBytes, count } = this.#parts;
    if (announcesTooMuch(request, maxBodyBytes)) {
      count("body-too-large");
      answer(TOO_LARGE);
      return false;
    }
    limitChunks(request, response, maxBodyBytes, () => {
      count("body-too-large");
      return responseText(TOO_LARGE, this.crossOrigin(request));
    });
    return true;
  }

  #settleAddress({ socket, headers }: IncomingMessage): void {
    const { trust } = this.#parts;
    const known = this.#proxies.get(socket);
    const peer = known ?? peerOf(socket);
    if (!known) {
      if (!trust(peer.address)) return;
      this.#proxies.set(socket, peer);
    }
    setPeer(socket, forwardedPeer(headers, trust) ?? peer);
  }
}

/** The primary has checked it before this worker was forked. */
function readPasswords(path: string): Passwords {
  return new Passwords(parsePasswordFile(readFileSync(path, "utf8")));
}
