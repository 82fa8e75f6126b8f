/**
 * Entry of a worker process, forked by the primary: makes its parts, runs the app, and lives until it has drained or its
 * primary is gone. It decides nothing; each part's file says what it does. The primary's view of it is
 * src/primary/supervisor/worker-handle.ts.
 */
import { readFileSync } from "node:fs";
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
  type WorkerSettings,
} from "./protocol/control.js";
import type { Origins } from "./protocol/cross-origin.js";
import { workerName } from "./protocol/cursor.js";
import { trustOf } from "./protocol/network.js";
import { parsePasswordFile } from "./protocol/password-file.js";
import type { HostTag, SessionOwner } from "./protocol/session-id.js";
import type { AppContext } from "./worker/app-context.js";
import { refuseListening } from "./worker/app-listen.js";
import { AppLoadError, loadApp, startApp } from "./worker/app-loader.js";
import { takeBirth } from "./worker/birth.js";
import { ClientBuffers } from "./worker/client-buffer.js";
import { ClientGate } from "./worker/client-gate.js";
import { compileEarly } from "./worker/compile-early.js";
import { originsOf } from "./worker/cors.js";
import { Doorkeeper } from "./worker/doorkeeper.js";
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
import { Orders } from "./worker/orders.js";
import { isOfSession } from "./worker/own-session.js";
import { PassOn } from "./worker/pass-on.js";
import { Passwords } from "./worker/passwords.js";
import { recoveryOption } from "./worker/recovery/option.js";
import { SessionBook } from "./worker/recovery/session-book.js";
import { createSocketServer, isHeard, type ServerRecovery, settleSocketServer } from "./worker/socket-server.js";
import { Stats } from "./worker/stats.js";
import { disarmSetupWorker } from "./worker/sticky-receiver.js";
import { announceNewcomers } from "./worker/tls-newcomer.js";
import { TlsServer } from "./worker/tls-server.js";
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
  const orders = new Orders();
  orders.onHosts = (known) => hosts.learn(known);
  const link = openLink(orders);
  try {
    await serve({ birth, link, orders, hosts, drops, log });
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
  readonly orders: Orders;
  readonly hosts: HostHop;
  readonly drops: DropCounter;
  readonly log: Logger;
}

function openLink(orders: Orders): Link {
  const link = Link.ofPipe(LINK_FD);
  link.onEnd = () => process.exit(0);
  link.onMessage = (message) => orders.obey(message);
  link.send({ type: "hello", version: PROTOCOL_VERSION });
  return link;
}

async function serve({ birth, link, orders, hosts, drops, log }: Beginnings): Promise<void> {
  const { settings, runDirectory } = birth;
  const self = selfOf(birth);
  const exchange = new Exchange(link, (reason, error) => drops.drop(reason, error), settings.uplink);
  const draining = new AbortController();
  const server = new WorkerServer(settings, log);
  server.hosts = hosts;
  ClientGate.install(link, new ClientBuffers(settings.maxClientBufferBytes, () => drops.drop("slow-consumer")));
  disarmSetupWorker(() => warnOfSetupWorker(log));
  refuseListening();

  const file = settings.app ?? BUILT_IN_APP;
  const { app, options } = await loadApp(file);
  const recovery = beginRecovery(birth, link, exchange, options);
  const { corsOrigins } = settings;
  const io = createSocketServer(options, { exchange, drops, log, recovery, corsOrigins });
  const door = createDoor(settings, originsOf(options.cors), drops);
  server.door = door;
  const forwarder = new Forwarder(
    ({ slot, incarnation }) => privateSocketPath(runDirectory, slot, incarnation),
    (request) => door.crossOrigin(request),
  );
  forwarder.hosts = hosts;
  const passOn = new PassOn();
  const engine = new EngineRouter(io, server, self, forwarder, passOn);
  server.engine = engine;
  settleSocketServer(io, self, log);
  await startApp(file, app, io, contextOf(birth, server, log, draining.signal));
  exchange.enter();
  if (server.appTakesUpgrades && !isHeard(io)) warnOfOwnServer(log);

  await server.listenPrivately(privateSocketPath(runDirectory, self.slot, self.incarnation));
  const tls = settings.tls ? await openTls(birth, orders, server, drops, log) : undefined;
  if (tls) announceNewcomers(io.engine, (address, more) => link.expected(address, more));
  const inbox = new Inbox(
    link,
    (socket) => (tls ? tls.receive(socket) : server.inject(socket)),
    (head) => !drain.hasBegun || isOfSession(head, self),
    (socket, message) => passOn.note(socket, message),
  );
  const drain = createDrain(io, server, inbox, draining, () => leave(server));
  orders.onDrain = ({ withinMs, heirs }) => {
    engine.heirs = heirs;
    drain.start(withinMs);
  };
  process.on("SIGTERM", () => resign(link, drain));
  link.send({ type: "ready" });
  const done = () => ({
    "forwarded-to-worker": forwarder.count,
    "forwarded-to-host": hosts.sent,
    "taken-from-host": hosts.taken,
  });
  const connections = () => inbox.connections;
  const dropped = () => drops.counts;
  beat(link, new Stats({ io, connections, relays: () => forwarder.relays, dropped, done }));
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

async function openTls(
  { settings }: WorkerBirth,
  orders: Orders,
  server: WorkerServer,
  drops: DropCounter,
  log: Logger,
): Promise<TlsServer> {
  const tls = new TlsServer(await orders.tls, {
    handshakeTimeoutMs: settings.headerTimeoutMs,
    inject: (socket) => server.inject(socket),
    onFailure: () => drops.count("tls-handshake"),
    log,
  });
  orders.onTicketKeys = (ticketKeys) => tls.setTicketKeys(ticketKeys);
  return tls;
}

/** Of the app's own origins it is known only who may read. */
function createDoor(settings: WorkerSettings, ownOrigins: Origins, drops: DropCounter): Doorkeeper {
  const { corsOrigins, basicAuth, trustProxy, maxBodyBytes } = settings;
  return new Doorkeeper({
    allowedOrigins: corsOrigins,
    readingOrigins: corsOrigins ?? ownOrigins,
    passwords: basicAuth === undefined ? undefined : readPasswords(basicAuth),
    trust: trustOf(trustProxy ?? []),
    maxBodyBytes,
    count: (reason) => drops.drop(reason),
  });
}

/** The primary has checked it before this worker was forked. */
function readPasswords(path: string): Passwords {
  return new Passwords(parsePasswordFile(readFileSync(path, "utf8")));
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
      // After what has arrived is read: it makes a connection a busy one.
      closeIdleConnections: () => void setImmediate(() => server.closeIdleConnections()),
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
