/**
 * Takes Engine.IO's own requests out of a worker's HTTP traffic, and each to the worker that has its session: this one,
 * a sibling over its private socket, or another host. Connections are kept alive, so what comes on one may belong to any session.
 * A session id that names nobody who lives is this worker's to refuse, with Engine.IO's own words.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Server } from "socket.io";
import type { Heir } from "../protocol/control.js";
import { queryOf } from "../protocol/request-target.js";
import { ownerOf, type SessionOwner } from "../protocol/session-id.js";
import type { Forwarder } from "./forward.js";
import type { EngineRoute, Source, WorkerServer } from "./http-server.js";
import type { PassOn } from "./pass-on.js";
import { refuseUpgrade } from "./refusal.js";
import { endWhenUnread } from "./unread-body.js";

interface EngineRequest extends IncomingMessage {
  /** Where Engine.IO keeps the query; it parses `url` itself only when nobody has. */
  _query?: Record<string, string>;
}

type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;
type OnUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export class EngineRouter implements EngineRoute {
  /** Siblings that take who comes without a session, while this worker drains. */
  heirs: readonly Heir[] = [];
  readonly #self: SessionOwner;
  readonly #forwarder: Forwarder;
  /** Without it, upgrades of siblings' sessions are relayed. */
  readonly #passOn: PassOn | undefined;
  readonly #prefix: string;
  readonly #hasSession: (sessionId: string) => boolean;
  readonly #answer: OnRequest;
  /** Undefined when the app's options leave WebSocket out. */
  readonly #upgrade: OnUpgrade | undefined;

  constructor(io: Server, server: WorkerServer, self: SessionOwner, forwarder: Forwarder, passOn?: PassOn) {
    this.#self = self;
    this.#passOn = passOn;
    this.#forwarder = forwarder;
    io.attach(server);
    this.#prefix = prefixOf(io);
    this.#hasSession = (sessionId) => Object.hasOwn(sessionsOf(io), sessionId);
    this.#answer = takeListener<OnRequest>(server, "request") as OnRequest;
    this.#upgrade = takeListener<OnUpgrade>(server, "upgrade");
  }

  /** As Engine.IO decides it: by the first characters of the target. */
  owns(request: IncomingMessage): boolean {
    return request.url?.startsWith(this.#prefix) === true;
  }

  request(request: EngineRequest, response: ServerResponse, source: Source): void {
    const query = queryOf(request.url as string);
    if (!query) return void response.writeHead(400, { Connection: "close" }).end();
    request._query = query;
    const sessionId = query.sid;
    const owner = this.#otherOwnerOf(sessionId, source);
    const answerHere = () => this.#answer(request, response);
    const isWelcome = owner !== undefined || (sessionId !== undefined && this.#hasSession(sessionId));
    endWhenUnread(request, response, isWelcome);
    if (owner) this.#forwarder.request(owner, request, response, answerHere);
    else answerHere();
  }

  upgrade(request: EngineRequest, socket: Duplex, head: Buffer, source: Source): void {
    const query = queryOf(request.url as string);
    const upgrade = this.#upgrade;
    if (!query || !upgrade) return refuseUpgrade(socket);
    request._query = query;
    const owner = this.#otherOwnerOf(query.sid, source);
    const answerHere = () => upgrade(request, socket, head);
    if (owner?.host === this.#self.host && this.#passOn?.upgrade(request, socket, head)) return;
    if (owner) this.#forwarder.upgrade(owner, request, socket, head, answerHere);
    else answerHere();
  }

  /** What a host has forwarded goes to no other host, what a sibling has forwarded to nobody. */
  #otherOwnerOf(sessionId: string | undefined, source: Source): SessionOwner | undefined {
    if (source === "sibling") return undefined;
    const owner = sessionId === undefined ? this.#heir() : ownerOf(sessionId);
    if (!owner) return undefined;
    if (owner.host !== this.#self.host) {
      return source === "client" && this.#forwarder.reaches(owner.host) ? owner : undefined;
    }
    const isSelf = owner.slot === this.#self.slot && owner.incarnation === this.#self.incarnation;
    return isSelf ? undefined : owner;
  }

  #heir(): SessionOwner | undefined {
    const heir = this.heirs[Math.floor(Math.random() * this.heirs.length)];
    return heir && { host: this.#self.host, ...heir };
  }
}

/** As Engine.IO's `_computePath`. It serves the client's files below the same path. */
function prefixOf(io: Server): string {
  const { addTrailingSlash } = io._opts;
  return io.path() + (addTrailingSlash === false ? "" : "/");
}

function sessionsOf(io: Server): object {
  return (io.engine as unknown as { clients: object }).clients;
}

/** Takes off the one listener that `attach` has put on, so that the app's listeners are alone on the server. */
function takeListener<T>(server: WorkerServer, event: "request" | "upgrade"): T | undefined {
  const [listener] = server.listeners(event);
  server.removeAllListeners(event);
  return listener as T | undefined;
}
