/**
 * Makes a worker's Socket.IO server: with the app's options, joined to the other workers through the exchange, with ids
 * that name this worker, and attached to nothing yet.
 */
import { type Namespace, Server, type ServerOptions } from "socket.io";
import { createSessionId, type SessionOwner } from "../protocol/session-id.js";
import { createAdapter } from "./adapter.js";
import type { DropCounter } from "./drop-counter.js";
import type { Exchange } from "./exchange.js";
import { guardParser, type Parser } from "./guarded-parser.js";
import { connectParentNamespaces, type ParentKeeper, type ParentOf } from "./parent-namespace.js";
import { createRecoveringAdapter } from "./recovery/adapter.js";
import type { RecoveryOption } from "./recovery/option.js";
import type { SessionBook } from "./recovery/session-book.js";

export interface SocketServerLog {
  warn(fields: object, text: string): void;
}

export interface SocketServerParts {
  readonly exchange: Exchange;
  readonly drops: DropCounter;
  readonly log: SocketServerLog;
  /** Present where recovery is on. */
  readonly recovery?: ServerRecovery | undefined;
}

export interface ServerRecovery {
  readonly option: RecoveryOption;
  readonly book: SessionBook;
}

export function createSocketServer(options: Partial<ServerOptions>, parts: SocketServerParts): Server {
  const { exchange, drops, recovery } = parts;
  const { connectionStateRecovery: _, ...rest } = options;
  const parser = options.parser as Parser | undefined;
  const io = new Server({
    ...rest,
    ...(recovery && {
      connectionStateRecovery: {
        maxDisconnectionDuration: recovery.option.windowMs,
        skipMiddlewares: recovery.option.skipMiddlewares,
      },
    }),
    adapter: recovery
      ? createRecoveringAdapter(exchange, {
          book: recovery.book,
          isOwnText: parser === undefined,
          parentOf: (namespace) => parentOf(namespace),
          onProblem: (error) => drops.drop("unencodable-data", error),
        })
      : createAdapter(exchange),
    parser: guardParser(parser, (error) => drops.drop("unencodable-event", error)),
  });
  const parentOf: ParentOf = connectParentNamespaces(io, exchange, recovery && parentKeeper(recovery.book, exchange));
  return io;
}

function parentKeeper(book: SessionBook, exchange: Exchange): ParentKeeper {
  return {
    keep: (address, saying) => void (exchange.keep(address, saying) ? book.counted() : book.lost(address)),
  };
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
  keepAdapter(io, log);
}

/** An app that was made for several servers sets the adapter that joins them; here it would part the workers. */
function keepAdapter(io: Server, log: SocketServerLog): void {
  const adapterOf = io.adapter.bind(io) as () => unknown;
  io.adapter = ((...args: unknown[]) => {
    if (args.length === 0) return adapterOf();
    log.warn(
      { event: "app-adapter" },
      "the app calls io.adapter(): it need not, Holdfast joins the workers; nothing was done",
    );
    return io;
  }) as typeof io.adapter;
}

/** Whether anything of the app can hear of a client: a listener or a middleware, in any namespace. */
export function isHeard(io: Server): boolean {
  const parents = (io as unknown as { parentNsps: ReadonlyMap<unknown, unknown> }).parentNsps;
  const hears = (namespace: Namespace) =>
    namespace.listenerCount("connection") + namespace.listenerCount("connect") > 0;
  return parents.size > 0 || [...io._nsps.values()].some(hears);
}
