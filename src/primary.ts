#!/usr/bin/env node
/**
 * The entry of the primary: makes its parts, gives each the two or three functions of the others that it needs, and ends
 * with the exit code of the contract. It decides nothing; the parts do not know each other.
 */
import cluster from "node:cluster";
import { hostname, networkInterfaces } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSettings } from "./config/load.js";
import { judgeNodeVersion } from "./config/node-version.js";
import type { Settings } from "./config/settings.js";
import { forgetInheritedSockets, inheritedSocket } from "./config/socket-activation.js";
import { VERSION } from "./config/version.js";
import { resolveWorkerCount } from "./config/worker-count.js";
import { createLogger, type Logger } from "./log/logger.js";
import { Acceptor } from "./primary/acceptor/acceptor.js";
import type { ListenWhere } from "./primary/acceptor/listener.js";
import { type Advertised, advertised } from "./primary/advertise.js";
import { compileEarly } from "./primary/compile-early.js";
import { ClusterModeError, endOnOwnError, endWith, NodeVersionError } from "./primary/ending.js";
import { changedForPrimary, fleetSettings, uplinkMode } from "./primary/fleet-settings.js";
import { ManageServer } from "./primary/manage/manage-server.js";
import { status as composeStatus, type Status } from "./primary/manage/status.js";
import { Recovery } from "./primary/recovery/recovery.js";
import type { FleetSettings } from "./primary/supervisor/contract.js";
import type { SupervisorHooks } from "./primary/supervisor/hooks.js";
import { createLaunch } from "./primary/supervisor/launch.js";
import { createRunDirectory } from "./primary/supervisor/run-directory.js";
import { ServiceNotice } from "./primary/supervisor/service-notice.js";
import { collectSignals } from "./primary/supervisor/signals.js";
import { Supervisor } from "./primary/supervisor/supervisor.js";
import { Switch } from "./primary/switch/switch.js";
import { createUplink } from "./primary/uplink/create-uplink.js";
import type { Uplink } from "./primary/uplink/uplink.js";
import { workerName } from "./protocol/cursor.js";
import { createHostTag } from "./protocol/session-id.js";

const WORKER_FILE = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));
const SIGNALS = collectSignals();
/** A reload reads the settings with the environment as it was. */
const ENVIRONMENT = { ...process.env };

main().catch(endWith);

async function main(): Promise<void> {
  compileEarly();
  if (cluster.isWorker) throw new ClusterModeError();
  const loaded = loadSettings(process.argv.slice(2), ENVIRONMENT, process.stdout);
  if (loaded.kind === "print") return void process.stdout.write(loaded.text);
  const { settings, warnings } = loaded;
  const log = createLogger({ level: settings.logLevel, format: settings.logFormat });
  for (const warning of warnings) log.warn({ event: "config-warning" }, warning);
  judgeNode(log);
  await serve(assemble(settings, log), listenWhere(settings));
}

/** The parts of a primary, wired, none of them at work yet. */
interface Parts {
  readonly settings: Settings;
  readonly log: Logger;
  readonly acceptor: Acceptor;
  readonly relay: Switch;
  readonly recovery: Recovery;
  readonly uplink: Uplink | undefined;
  readonly supervisor: Supervisor;
  readonly manage: ManageServer | undefined;
  readonly status: () => Status;
}

function assemble(settings: Settings, log: Logger): Parts {
  const hostTag = createHostTag();
  const hostId = `${hostname()}-${hostTag}`;
  const runDirectory = createRunDirectory(ENVIRONMENT);
  const recovery = new Recovery({ epoch: hostTag, bufferBytes: settings.recoveryBufferBytes });
  const relay = new Switch(recovery);
  const uplink = createUplink(settings, { hostTag, hostId, release: VERSION }, log);
  uplink?.tellHosts((hosts) => relay.tell({ type: "hosts", ...hosts }));
  if (uplink) uplink.deliverTo(relay.attach(uplink));
  const acceptor = new Acceptor({ ...settings, hostTag, log });
  const service = new ServiceNotice({ env: ENVIRONMENT, isWell: () => !supervisor.stalled, log });
  const supervisor: Supervisor = new Supervisor({
    settings: fleetSettings(settings, countWorkers(settings, log), uplinkMode(settings)),
    reread: () => rereadSettings(settings, log),
    launch: createLaunch({ workerFile: WORKER_FILE, host: { hostTag, hostId, runDirectory } }),
    hooks: hooks(acceptor, relay, uplink, service),
    log,
  });
  const status = () => statusOf(hostId, { supervisor, acceptor, relay, recovery, uplink });
  const manage = manageServer(settings, status, log);
  return { settings, log, acceptor, relay, recovery, uplink, supervisor, manage, status };
}

async function serve(parts: Parts, where: ListenWhere): Promise<never> {
  const { settings, log, acceptor, relay, recovery, uplink, supervisor, manage } = parts;
  endOnOwnError(log, () => supervisor.killAll());
  obeySignals(parts);
  await uplink?.start();
  const { url } = await acceptor.listen(where);
  if (uplink) advertise(uplink, advertised(settings, where, url, networkInterfaces()), log);
  const manageUrl = await openManage(manage);
  if ((await supervisor.start()) === "ready") sayReady(log, url, supervisor.wantedWorkers, manageUrl);
  await supervisor.finished;
  await manage?.close();
  await uplink?.close();
  relay.close();
  recovery.close();
  log.info({ event: "stopped" }, "stopped");
  process.exit(0);
}

/** Where this host cannot be reached its sessions are lost to requests that come elsewhere, so it is said. */
function advertise(uplink: Uplink, { url, reason }: Advertised, log: Logger): void {
  if (url === undefined) {
    return log.warn({ event: "advertise-none", reason }, `other hosts bring no requests here: ${reason}`);
  }
  uplink.advertise(url);
  log.info({ event: "advertise", url, reason }, `other hosts bring requests to ${url} (${reason})`);
}

function obeySignals({ supervisor, log, status }: Parts): void {
  SIGNALS.deliverTo({
    stop: () => supervisor.stop(),
    reload: () => supervisor.reload(),
    more: () => supervisor.more(),
    fewer: () => supervisor.fewer(),
    dump: () => log.info({ event: "status", status: status() }, "status"),
  });
}

function sayReady(log: Logger, url: string, workers: number, manage: string): void {
  log.info({ event: "ready", url, workers, manage }, `ready on ${url}, workers: ${workers}, management: ${manage}`);
}

function hooks(acceptor: Acceptor, relay: Switch, uplink: Uplink | undefined, service: ServiceNotice): SupervisorHooks {
  return {
    connect: (worker, stream, events) => {
      const listener = {
        ...events,
        onTaken: (sequence: number, found: boolean) => acceptor.taken(worker, sequence, found),
        onClosed: (count: number) => acceptor.closed(worker, count),
      };
      const link = relay.connect(stream, listener, workerName(worker.slot, worker.incarnation));
      if (uplink) link.send({ type: "hosts", ...uplink.knownHosts });
      return link;
    },
    onReady: (worker) => acceptor.add(worker),
    onRecovered: (worker) => acceptor.add(worker),
    onStuck: (worker) => acceptor.suspend(worker),
    onDraining: (worker) => acceptor.retire(worker),
    onGone: (worker) => acceptor.remove(worker),
    onPhase: (phase) => {
      if (phase === "stopping") acceptor.close();
      service.onPhase(phase);
    },
  };
}

type StatusParts = Pick<Parts, "supervisor" | "acceptor" | "relay" | "recovery" | "uplink">;

function statusOf(host: string, { supervisor, acceptor, relay, recovery, uplink }: StatusParts): Status {
  return composeStatus({
    host,
    version: VERSION,
    uptimeMs: performance.now(),
    generation: supervisor.generation,
    phase: supervisor.phase,
    wantedWorkers: supervisor.wantedWorkers,
    workers: supervisor.workers(),
    redis: uplink?.status ?? { state: "off", hosts: 1 },
    recovery: recovery.status,
    counters: {
      ...acceptor.counters,
      ...relay.counters,
      ...recovery.counters,
      ...uplink?.counters,
      ...supervisor.counters,
    },
  });
}

/** A socket that systemd has passed stands behind what was asked for, and before the defaults. */
function listenWhere({ listen, host, port }: Settings): ListenWhere {
  const inherited = inheritedSocket(ENVIRONMENT, process.pid);
  forgetInheritedSockets(process.env);
  return listen ?? (inherited ? { fd: inherited.fd } : { host, port });
}

function countWorkers(settings: Settings, log: Logger): number {
  const { workers, reason } = resolveWorkerCount(settings.workers);
  log.info({ event: "workers", workers, reason }, `workers: ${workers} (${reason})`);
  return workers;
}

function rereadSettings(before: Settings, log: Logger): FleetSettings {
  const loaded = loadSettings(process.argv.slice(2), ENVIRONMENT, process.stdout);
  if (loaded.kind === "print") throw new Error("the settings ask to be printed");
  const changed = changedForPrimary(before, loaded.settings);
  if (changed.length > 0)
    log.warn({ event: "restart-needed", settings: changed }, `only a restart changes ${changed.join(", ")}`);
  return fleetSettings(loaded.settings, countWorkers(loaded.settings, log), uplinkMode(before));
}

function manageServer(settings: Settings, currentStatus: () => Status, log: Logger): ManageServer | undefined {
  const { manage, manageToken: token } = settings;
  return manage === "off" ? undefined : new ManageServer({ ...manage, token, status: currentStatus, log });
}

async function openManage(manage: ManageServer | undefined): Promise<string> {
  const address = await manage?.listen();
  if (!address) return "off";
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `http://${host}:${address.port}`;
}

function judgeNode(log: Logger): void {
  const verdict = judgeNodeVersion(process.version);
  if (verdict?.level === "refuse") throw new NodeVersionError(verdict.text);
  if (verdict) log.warn({ event: "node-version" }, verdict.text);
}
