#!/usr/bin/env node
/**
 * The entry of the primary: makes its parts, gives each the two or three functions of the others that it needs, and ends
 * with the exit code of the contract. It decides nothing; the parts do not know each other.
 */
import cluster from "node:cluster";
import { hostname, networkInterfaces } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { secretVariables } from "./config/environment.js";
import { type Loaded, loadSettings } from "./config/load.js";
import { judgeNodeVersion } from "./config/node-version.js";
import type { Settings } from "./config/settings.js";
import { forgetInheritedSockets } from "./config/socket-activation.js";
import type { TlsPair } from "./config/tls-pair.js";
import { VERSION } from "./config/version.js";
import { createLogger, type Logger } from "./log/logger.js";
import { Acceptor } from "./primary/acceptor/acceptor.js";
import type { ListenWhere } from "./primary/acceptor/listener.js";
import { advertise, advertised } from "./primary/advertise.js";
import { mayCrossHosts, storeFailureTeller } from "./primary/between-hosts.js";
import { compileEarly } from "./primary/compile-early.js";
import { ClusterModeError, endOnOwnError, endWith, NodeVersionError } from "./primary/ending.js";
import { FleetSource } from "./primary/fleet-source.js";
import { ManageServer } from "./primary/manage/manage-server.js";
import { status as composeStatus, type Status } from "./primary/manage/status.js";
import { Recovery } from "./primary/recovery/recovery.js";
import { stopper } from "./primary/stopping.js";
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
import { formatHostAndPort } from "./protocol/host-and-port.js";
import { createHostTag } from "./protocol/session-id.js";

const WORKER_FILE = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));
const SIGNALS = collectSignals();
/** A reload reads the settings with the environment as it was. */
const ENVIRONMENT = { ...process.env };

main().catch(endWith);

async function main(): Promise<void> {
  compileEarly();
  if (cluster.isWorker) throw new ClusterModeError();
  const loaded = readSettings();
  if (loaded.kind === "print") return void process.stdout.write(loaded.text);
  const { settings, tls, warnings } = loaded;
  const log = createLogger({ level: settings.logLevel, format: settings.logFormat });
  for (const warning of warnings) log.warn({ event: "config-warning" }, warning);
  judgeNode(log);
  await serve(assemble(settings, tls, log), listenWhere(settings));
}

function readSettings(): Loaded {
  return loadSettings(process.argv.slice(2), ENVIRONMENT, process.stdout);
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
  readonly stop: () => void;
  readonly status: () => Status;
}

function assemble(settings: Settings, tls: TlsPair | undefined, log: Logger): Parts {
  const hostTag = createHostTag();
  const hostId = `${hostname()}-${hostTag}`;
  const runDirectory = createRunDirectory(ENVIRONMENT);
  const recovery = new Recovery({ epoch: hostTag, bufferBytes: settings.recoveryBufferBytes });
  const relay = new Switch(recovery);
  const uplink = createUplink(settings, { hostTag, hostId, release: VERSION }, log);
  uplink?.tellHosts((hosts) => relay.tell({ type: "hosts", ...hosts }));
  if (uplink) uplink.deliverTo(relay.attach(uplink));
  if (uplink && mayCrossHosts(settings)) {
    recovery.joinHosts(
      uplink.openStore((uid, upTo) => recovery.onGap(uid, upTo)),
      storeFailureTeller(log),
    );
  }
  const acceptor = new Acceptor({ ...settings, tls: tls !== undefined, hostTag, log });
  const fleet = new FleetSource({
    settings,
    tls,
    load: readSettings,
    allowOrigins: (origins) => acceptor.allowOrigins(origins),
    log,
  });
  const service = new ServiceNotice({ env: ENVIRONMENT, isWell: () => !supervisor.stalled, log });
  const supervisor: Supervisor = new Supervisor({
    settings: fleet.initial(),
    reread: () => fleet.reread(),
    launch: createLaunch({
      workerFile: WORKER_FILE,
      withheld: secretVariables(),
      host: { hostTag, hostId, runDirectory },
    }),
    hooks: hooks(acceptor, relay, uplink, service),
    log,
  });
  fleet.keepSecretsFresh((message) => supervisor.tell(message));
  const stop = stopper(acceptor, supervisor, settings.drainTimeoutMs);
  const status = () => statusOf(hostId, { supervisor, acceptor, relay, recovery, uplink });
  const manage = manageServer(settings, status, log);
  return { settings, log, acceptor, relay, recovery, uplink, supervisor, manage, stop, status };
}

async function serve(parts: Parts, where: readonly ListenWhere[]): Promise<never> {
  const { settings, log, acceptor, relay, recovery, uplink, supervisor, manage } = parts;
  endOnOwnError(log, () => supervisor.killAll());
  obeySignals(parts);
  await uplink?.start();
  // Connections to a socket that another process holds can wait there, however long the app takes to load.
  const isHeld = where.every((each) => "fd" in each);
  let urls = isHeld ? [] : await acceptor.listen(where);
  if (uplink) advertise(uplink, advertised(settings, where, urls, networkInterfaces()), log);
  const manageUrl = await openManage(manage);
  if ((await supervisor.start()) === "ready") {
    if (isHeld) urls = await acceptor.listen(where);
    sayReady(log, urls, supervisor.wantedWorkers, manageUrl);
  }
  await supervisor.finished;
  await manage?.close();
  recovery.close();
  await uplink?.close();
  relay.close();
  log.info({ event: "stopped" }, "stopped");
  process.exit(0);
}

function obeySignals({ supervisor, stop, log, status }: Parts): void {
  SIGNALS.deliverTo({
    stop,
    reload: () => supervisor.reload(),
    more: () => supervisor.more(),
    fewer: () => supervisor.fewer(),
    dump: () => log.info({ event: "status", status: status() }, "status"),
  });
}

function sayReady(log: Logger, urls: readonly string[], workers: number, manage: string): void {
  const [url] = urls;
  const fields = { event: "ready", url, ...(urls.length > 1 && { urls }), workers, manage };
  log.info(fields, `ready on ${urls.join(", ")}, workers: ${workers}, management: ${manage}`);
}

function hooks(acceptor: Acceptor, relay: Switch, uplink: Uplink | undefined, service: ServiceNotice): SupervisorHooks {
  return {
    connect: (worker, stream, events) => {
      const listener = {
        ...events,
        onTaken: (sequence: number, found: boolean) => acceptor.taken(worker, sequence, found),
        onClosed: (sequences: readonly number[]) => acceptor.closed(worker, sequences),
        onExpected: (address: string, more: boolean) => acceptor.expected(worker, address, more),
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
    onPassed: (worker, message, socket) => acceptor.takeBack(worker, message, socket),
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

/** The sockets that systemd has passed are among the settings already. */
function listenWhere({ listen, host, port }: Settings): readonly ListenWhere[] {
  forgetInheritedSockets(process.env);
  return listen ?? [{ host, port }];
}

function manageServer(settings: Settings, currentStatus: () => Status, log: Logger): ManageServer | undefined {
  const { manage, manageToken: token } = settings;
  return manage === "off" ? undefined : new ManageServer({ ...manage, token, status: currentStatus, log });
}

async function openManage(manage: ManageServer | undefined): Promise<string> {
  const address = await manage?.listen();
  if (!address) return "off";
  return `http://${formatHostAndPort(address)}`;
}

function judgeNode(log: Logger): void {
  const verdict = judgeNodeVersion(process.version);
  if (verdict?.level === "refuse") throw new NodeVersionError(verdict.text);
  if (verdict) log.warn({ event: "node-version" }, verdict.text);
}
