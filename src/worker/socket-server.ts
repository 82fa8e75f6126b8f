/**
 * Makes a worker's Socket.IO server: with the app's options, joined to the other workers through the exchange, with ids
 * that name this worker, and attached to nothing yet.
 */
import { Server, type ServerOptions } from "socket.io";
import { createSessionId, type SessionOwner } from "../protocol/session-id.js";
import { createAdapter } from "./adapter.js";
import type { DropCounter } from "./drop-counter.js";
import type { Exchange } from "./exchange.js";
import { guardParser, type Parser } from "./guarded-parser.js";
import { connectParentNamespaces } from "./parent-namespace.js";

export interface SocketServerLog {
  warn(fields: object, text: string): void;
}

export interface SocketServerParts {
  readonly exchange: Exchange;
  readonly drops: DropCounter;
  readonly log: SocketServerLog;
}

export function createSocketServer(options: Partial<ServerOptions>, parts: SocketServerParts): Server {
  const { exchange, drops } = parts;
  const parser = options.parser as Parser | undefined;
  const io = new Server({
    ...withoutRecovery(options, parts.log),
    adapter: createAdapter(exchange),
    parser: guardParser(parser, (error) => drops.drop("unencodable-event", error)),
  });
  connectParentNamespaces(io, exchange);
  return io;
}

/** After `io` is attached to the worker's HTTP server; its engine exists only then. */
export function settleSocketServer(io: Server, self: SessionOwner, log: SocketServerLog): void {
  io.engine.generateId = () => createSessionId(self);
  const decline = () => {
    log.warn(
      { event: "app-attach" },
      "the app calls io.listen() or io.attach(): it need not, Holdfast has done so; nothing was done",
    );
    return io;
  };
  io.listen = decline;
  io.attach = decline;
}

/** Socket.IO keeps what it would recover in its own process, where a client that comes back most likely is not. */
function withoutRecovery(options: Partial<ServerOptions>, log: SocketServerLog): Partial<ServerOptions> {
  const { connectionStateRecovery, ...rest } = options;
  if (connectionStateRecovery) {
    log.warn({ event: "no-recovery" }, "the app's connectionStateRecovery has no effect: it is not supported yet");
  }
  return rest;
}
