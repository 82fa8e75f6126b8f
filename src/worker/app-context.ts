/** What an app is given beside `io`: the public interface of a worker to the code that runs in it. */
import type { Server } from "node:http";

export interface AppContext {
  /**
   * The worker's HTTP server. `ctx.http.on("request", expressApp)` serves Express, Koa, Fastify's handler or a plain
   * function; listeners never see the requests and upgrades of Socket.IO itself. With no listener, other paths answer 404.
   * It need not, and cannot, be made to listen.
   */
  readonly http: Server;
  /** Which worker this is. The slot, from 0, stays when a worker is replaced; the generation rises with each reload. */
  readonly worker: { readonly slot: number; readonly pid: number; readonly generation: number };
  /** This host's id. */
  readonly host: string;
  /** Writes to Holdfast's log; each line names the worker. */
  readonly log: AppLog;
  /** Aborted when the worker begins to drain: time to stop what the app has started. Sessions are closed a little later. */
  readonly signal: AbortSignal;
}

/** A logger in the manner of pino: fields first, if any, then the text. */
export interface AppLog {
  trace: AppLogMethod;
  debug: AppLogMethod;
  info: AppLogMethod;
  warn: AppLogMethod;
  error: AppLogMethod;
  fatal: AppLogMethod;
}

type AppLogMethod = { (text: string): void; (fields: object, text?: string): void };
