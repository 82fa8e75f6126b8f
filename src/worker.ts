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
import { adviseAgainstOwnServer, adviseAgainstSetupWorker } from "./worker/app-advice.js";
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
import { recoveryOption } from "./worker/recovery/option.js";
import { SessionBook } from "./worker/recovery/session-book.js";
import { resign } from "./worker/resignation.js";
import { createSocketServer, isHeard, type ServerRecovery, settleSocketServer } from "./worker/socket-server.js";
import { Stats } from "./worker/stats.js";
import { disarmSetupWorker } from "./worker/sticky-receiver.js";
import { announceNewcomers } from "./worker/tls-newcomer.js";
import { TlsServer } from "./worker/tls-server.js";
import { startWatchdog } from "./worker/watchdog.js";

const BUILT_IN_APP = fileURLToPath(new URL(`./chat/app${extname(import.meta.url)}`, import.meta.url));
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

async function serve(beginnings: Beginnings): Promise<void> {
  const { birth, link, drops, hosts } = beginnings;
  const ground = prepare(beginnings);
  const served = await bringUpApp(beginnings, ground);
  const { io, forwarder } = served;
  await ground.server.listenPrivately(ownSocketPath(birth));
  const inbox = await openInbox(beginnings, ground, served);
  link.send({ type: "ready" });
  const done = () => ({
    "forwarded-to-worker": forwarder.count,
    "forwarded-to-host": hosts.sent,
    "taken-from-host": hosts.taken,
  });
  const connections = () => inbox.connections;
  const dropped = () => drops.counts;
  beat(link, new Stats({ io, connections, relays: () => forwarder.relays.length, dropped, done }));
}

/** What stands before the app's module is loaded, which may look for it or undo it. */
interface Ground {
  readonly exchange: Exchange;
  readonly server: WorkerServer;
  /** Aborted when the worker drains. */
  readonly draining: AbortController;
}

function prepare({ birth: { settings }, link, hosts, drops, log }: Beginnings): Ground {
  const exchange = new Exchange(link, (reason, error) => drops.drop(reason, error), settings.uplink);
  const server = new WorkerServer(settings, log);
  server.hosts = hosts;
  ClientGate.install(link, new ClientBuffers(settings.maxClientBufferBytes, () => drops.drop("slow-consumer")));
  disarmSetupWorker(() => adviseAgainstSetupWorker(log));
  refuseListening();
  return { exchange, server, draining: new AbortController() };
}

/** The app, and what its requests pass on their way to it. */
interface Served {
  readonly io: Server;
  readonly engine: EngineRouter;
  readonly forwarder: Forwarder;
  readonly passOn: PassOn;
}

async function bringUpApp({ birth, link, hosts, drops, log }: Beginnings, ground: Ground): Promise<Served> {
  const { settings, runDirectory } = birth;
  const { exchange, server, draining } = ground;
  const self = selfOf(birth);
  const file = settings.app ?? BUILT_IN_APP;
  const { app, options } = await loadApp(file);
  const recovery = beginRecovery(birth, link, exchange, options);
  const { corsOrigins } = settings;
  const io = createSocketServer(options, { exchange, drops, log, recovery, corsOrigins });
  const door = Doorkeeper.of(settings, originsOf(options.cors), (reason) => drops.drop(reason));
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
  if (server.appTakesUpgrades && !isHeard(io)) adviseAgainstOwnServer(log);
  return { io, engine, forwarder, passOn };
}

/** From here on connections come, until the worker is told to leave. */
async function openInbox(beginnings: Beginnings, ground: Ground, served: Served): Promise<Inbox> {
  const { birth, link, orders } = beginnings;
  const { server } = ground;
  const { io, engine, passOn } = served;
  const tls = birth.settings.tls ? await openTls(beginnings, server) : undefined;
  if (tls) announceNewcomers(io.engine, (address, more) => link.expected(address, more));
  const self = selfOf(birth);
  const inbox = new Inbox(
    link,
    (socket) => (tls ? tls.receive(socket) : server.inject(socket)),
    (head) => !drain.hasBegun || isOfSession(head, self),
    (socket, message) => passOn.note(socket, message),
  );
  const drain = createDrain(ground, served, inbox, () => leave(server));
  orders.onDrain = ({ withinMs, heirs }) => {
    engine.heirs = heirs;
    drain.start(withinMs);
  };
  process.on("SIGTERM", () => resign(link, drain));
  return inbox;
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

async function openTls({ birth, orders, drops, log }: Beginnings, server: WorkerServer): Promise<TlsServer> {
  const tls = new TlsServer(await orders.tls, {
    handshakeTimeoutMs: birth.settings.headerTimeoutMs,
    inject: (socket) => server.inject(socket),
    onFailure: () => drops.count("tls-handshake"),
    log,
  });
  orders.onTicketKeys = (ticketKeys) => tls.setTicketKeys(ticketKeys);
  return tls;
}

function ownSocketPath({ runDirectory, slot, incarnation }: WorkerBirth): string {
  return privateSocketPath(runDirectory, slot, incarnation);
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

function createDrain({ server, draining }: Ground, { io, forwarder }: Served, inbox: Inbox, onDone: () => void): Drain {
  const begin = () => {
    server.draining = true;
    draining.abort();
  };
  const { clients } = io.engine as unknown as { clients: Readonly<Record<string, DrainingSession>> };
  return new Drain(
    {
      begin,
      sessions: () => Object.values(clients),
      relays: () => forwarder.relays,
      connections: () => inbox.connections + server.privateConnections,
      // After what has arrived is read: it makes a connection a busy one.
      closeIdleConnections: () => void setImmediate(() => server.closeIdleConnections()),
    },
    onDone,
  );
}

function leave(server: WorkerServer): void {
  // Takes the private socket's file away.
  server.closePrivately();
  process.exit(0);
}

function beat(link: Link, stats: Stats): void {
  setInterval(() => link.send({ type: "beat", ...stats.sample() }), BEAT_INTERVAL_MS);
}
