/**
 * Entry of a worker process, forked by the primary: makes its parts, runs the app, and lives until it has drained or its
 * primary is gone. It decides nothing; each part's file says what it does. The primary's view of it is
 * src/primary/supervisor/worker-handle.ts.
 */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Server, ServerOptions } from "socket.io";
import { createLogger, type Logger } from "./log/logger.js";
import {
  BEAT_INTERVAL_MS,
  LINK_FD,
  PROTOCOL_VERSION,
  privateSocketPath,
  type WorkerBirth,
} from "./protocol/control.js";
import { workerName } from "./protocol/cursor.js";
import type { HostTag, SessionOwner } from "./protocol/session-id.js";
import type { AppContext } from "./worker/app-context.js";
import { refuseListening } from "./worker/app-listen.js";
import { AppLoadError, loadApp, startApp } from "./worker/app-loader.js";
import { takeBirth } from "./worker/birth.js";
import { ClientGate } from "./worker/client-gate.js";
import { compileEarly } from "./worker/compile-early.js";
import { Drain, type DrainingSession } from "./worker/drain.js";
import { DropCounter } from "./worker/drop-counter.js";
import { exitOnUncaught, ignoreTerminalSignals } from "./worker/ending.js";
import { EngineRouter } from "./worker/engine-router.js";
import { Exchange } from "./worker/exchange.js";
import { Forwarder } from "./worker/forward.js";
import { HostHop } from "./worker/host-hop.js";
import { WorkerServer } from "./worker/http-server.js";
import { Inbox } from "./worker/inbox.js";
import { Link } from "./worker/link.js";
import { isOfSession } from "./worker/own-session.js";
import { recoveryOption } from "./worker/recovery/option.js";
import { SessionBook } from "./worker/recovery/session-book.js";
import { createSocketServer, isHeard, type ServerRecovery, settleSocketServer } from "./worker/socket-server.js";
import { Stats } from "./worker/stats.js";
import { disarmSetupWorker } from "./worker/sticky-receiver.js";
import { startWatchdog } from "./worker/watchdog.js";

const BUILT_IN_APP = fileURLToPath(new URL(`./chat/app${extname(import.meta.url)}`, import.meta.url));
/** A worker that a signal of its own tells to end has its primary replace it. One that does not answer is not waited for. */
const ANSWERED_WITHIN_MS = 2_000;
const UNANSWERED_DRAIN_MS = 25_000;

await main(takeBirth());

async function main(birth: WorkerBirth): Promise<void> {
  const { settings, slot, incarnation, generation } = birth;
  compileEarly();
  ignoreTerminalSignals();
  startWatchdog(birth.primaryPid);
  const log = createLogger({ level: settings.logLevel, format: settings.logFormat, bindings: { worker: slot } });
  exitOnUncaught(log);
  const drops = new DropCounter(log);
  const hosts = new HostHop(() => drops.count("forwarded-refused"));
  const link = openLink(hosts);
  try {
    await serve({ birth, link, hosts, drops, log });
    log.debug({ event: "worker-ready", slot, incarnation, generation }, "worker ready");
  } catch (error) {
    if (!(error instanceof AppLoadError)) throw error;
    link.send({ type: "load-failed", ...error.report });
    process.exit(4);
  }
}

/** What a worker has before it knows its app. */
interface Beginnings {
  readonly birth: WorkerBirth;
  readonly link: Link;
  readonly hosts: HostHop;
  readonly drops: DropCounter;
  readonly log: Logger;
}

function openLink(hosts: HostHop): Link {
  const link = Link.ofPipe(LINK_FD);
  link.onEnd = () => process.exit(0);
  // Until there is anything to drain.
  obey(link, hosts, () => process.exit(0));
  link.send({ type: "hello", version: PROTOCOL_VERSION });
  return link;
}

function obey(link: Link, hosts: HostHop, drain: (withinMs: number) => void): void {
  link.onMessage = (message) => {
    switch (message.type) {
      case "hosts":
        return hosts.learn(message);
      case "drain":
        return drain(message.withinMs);
      default:
        return message satisfies never;
    }
  };
}

async function serve({ birth, link, hosts, drops, log }: Beginnings): Promise<void> {
  const { settings, runDirectory } = birth;
  const self = selfOf(birth);
  const exchange = new Exchange(link, (reason, error) => drops.drop(reason, error), settings.uplink);
  const draining = new AbortController();
  const server = new WorkerServer(settings, log);
  const forwarder = new Forwarder(({ slot, incarnation }) => privateSocketPath(runDirectory, slot, incarnation));
  forwarder.hosts = hosts;
  server.hosts = hosts;
  ClientGate.install(link);
  disarmSetupWorker(() => warnOfSetupWorker(log));
  refuseListening();

  const file = settings.app ?? BUILT_IN_APP;
  const { app, options } = await loadApp(file);
  const recovery = beginRecovery(birth, link, exchange, options);
  const io = createSocketServer(options, { exchange, drops, log, recovery });
  server.engine = new EngineRouter(io, server, self, forwarder);
  settleSocketServer(io, self, log);
  await startApp(file, app, io, contextOf(birth, server, log, draining.signal));
  exchange.enter();
  if (server.appTakesUpgrades && !isHeard(io)) warnOfOwnServer(log);

  await server.listenPrivately(privateSocketPath(runDirectory, self.slot, self.incarnation));
  const inbox = new Inbox(
    link,
    (socket) => server.inject(socket),
    (head) => !drain.hasBegun || isOfSession(head, self),
  );
  const drain = createDrain(io, server, inbox, draining, () => leave(server));
  obey(link, hosts, (withinMs) => drain.start(withinMs));
  process.on("SIGTERM", () => resign(link, drain));
  link.send({ type: "ready" });
  const done = () => ({
    "forwarded-to-worker": forwarder.count,
    "forwarded-to-host": hosts.sent,
    "taken-from-host": hosts.taken,
  });
  beat(link, new Stats({ io, connections: () => inbox.connections, dropped: () => drops.counts, done }));
}

function beginRecovery(
  { settings, hostTag: epoch, slot, incarnation }: WorkerBirth,
  link: Link,
  exchange: Exchange,
  { connectionStateRecovery }: Partial<ServerOptions>,
): ServerRecovery | undefined {
  const option = recoveryOption(connectionStateRecovery, settings);
  if (!option) return undefined;
  const book = new SessionBook(link, { epoch, name: workerName(slot, incarnation) });
  exchange.recovery = book;
  book.begin(option.windowMs);
  return { option, book };
}

/** As the ids of its sessions name it. */
function selfOf({ hostTag, slot, incarnation }: WorkerBirth): SessionOwner {
  return { host: hostTag as HostTag, slot, incarnation };
}

function contextOf(birth: WorkerBirth, http: WorkerServer, log: Logger, signal: AbortSignal): AppContext {
  const { slot, generation, hostId } = birth;
  const worker = Object.freeze({ slot, pid: process.pid, generation });
  return Object.freeze({ http, worker, host: hostId, log: log.child({ source: "app" }), signal });
}

function createDrain(
  io: Server,
  server: WorkerServer,
  inbox: Inbox,
  draining: AbortController,
  onDone: () => void,
): Drain {
  const begin = () => {
    server.draining = true;
    draining.abort();
  };
  const { clients } = io.engine as unknown as { clients: Readonly<Record<string, DrainingSession>> };
  return new Drain(
    {
      begin,
      sessions: () => Object.values(clients),
      connections: () => inbox.connections + server.privateConnections,
      closeIdleConnections: () => server.closeIdleConnections(),
    },
    onDone,
  );
}

/** The primary answers with `drain`, which ends the waiting: the first start of a drain counts. */
function resign(link: Link, drain: Drain): void {
  link.send({ type: "resign" });
  setTimeout(() => drain.start(UNANSWERED_DRAIN_MS), ANSWERED_WITHIN_MS).unref();
}

function leave(server: WorkerServer): void {
  // Takes the private socket's file away.
  server.closePrivately();
  process.exit(0);
}

function beat(link: Link, stats: Stats): void {
  setInterval(() => link.send({ type: "beat", ...stats.sample() }), BEAT_INTERVAL_MS);
}

/** The likeliest first port of an app leaves `new Server(httpServer)` as it was; its handlers would never run. */
function warnOfOwnServer(log: Logger): void {
  log.warn(
    { event: "app-own-server" },
    "the app listens for upgrades on ctx.http and for no connection of io: a Socket.IO server that it makes itself " +
      "gets no requests; use the io that it is given, and export its options",
  );
}

function warnOfSetupWorker(log: Logger): void {
  log.warn(
    { event: "app-setup-worker" },
    "the app calls setupWorker() of @socket.io/sticky: it need not, Holdfast has done so; nothing was done",
  );
}
