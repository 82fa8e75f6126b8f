/**
 * Starts and stops one side: a host or several, each a process tree of its own, and what several share. Runs in the
 * orchestrator; what a side is made of stands in the table below, and nothing else depends on which side it is.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Part, type PartCommand, startPart } from "./part.js";
import { startFront, startRedis } from "./shared.js";
import { type BenchCertificate, createBenchCertificate, startTlsFront } from "./tls-front.js";

export { SideFailed } from "./part.js";

/** "recovery" is Holdfast with recovery on, "limits" with limits that nobody reaches, "nginx" with TLS spoken in front of it. */
export type SideName = "holdfast" | "recovery" | "limits" | "nginx" | "recipe" | "plain" | "single" | "flask";

export interface Launch {
  /** Of each host. */
  readonly workers: number;
  /** Several hosts are joined by a Redis of their own; absent, there is one and no Redis. */
  readonly hosts?: number;
  /** An nginx in front of all hosts. */
  readonly front?: boolean;
  /** Clients speak TLS. */
  readonly tls?: boolean;
  /** The built-in chat of Holdfast, and its like, in place of the bench app. */
  readonly chat?: boolean;
  /** The built primary.js that is measured. */
  readonly holdfast: string;
  /** Sides that have a recovery of their own turn it on. */
  readonly recoverable?: boolean;
  /** Lets `collectGarbage` work; off where CPU is measured. */
  readonly collectable?: boolean;
}

export interface Side {
  readonly name: SideName;
  /** Of the front, or of the first host. */
  readonly url: string;
  readonly hostUrls: readonly string[];
  /** Of all hosts and the front. */
  readonly pids: readonly number[];
  /** Of each host the process that was started first. */
  readonly primaryPids: readonly number[];
  readonly redisPid: number | undefined;
  collectGarbage(): void;
  stop(): Promise<void>;
}

const LIMITS = ["--max-connections", "1000000", "--max-connections-per-ip", "1000000", "--connect-rate", "1000000/s"];

const COMMAND: Record<SideName, (launch: Launch, redis: string | undefined) => readonly string[]> = {
  holdfast: (launch, redis) => holdfastCommand(launch, redis),
  recovery: (launch, redis) => [...holdfastCommand(launch, redis), "--recovery", "on"],
  limits: (launch, redis) => [...holdfastCommand(launch, redis), ...LIMITS],
  nginx: (launch, redis) => holdfastCommand(launch, redis),
  recipe: ({ workers }, redis) => [
    ...[process.execPath, file("recipe-server.mjs"), String(workers)],
    ...(redis ? [redis] : []),
  ],
  plain: ({ workers }) => [process.execPath, file("plain-cluster-server.mjs"), String(workers)],
  single: () => [process.execPath, file("single-server.mjs")],
  flask: () => ["gunicorn", "--config", file("flask/gunicorn.conf.py"), "--chdir", file("flask"), "chat:app"],
};

function holdfastCommand({ holdfast, workers, chat }: Launch, redis: string | undefined): readonly string[] {
  return [
    ...[process.execPath, holdfast, ...(chat ? [] : [file("bench-app.mjs")])],
    ...["--workers", String(workers), "--host", "127.0.0.1", "--port", "0"],
    ...["--manage", "127.0.0.1:0", "--log-format", "json", "--drain-timeout", "2s"],
    ...(redis ? ["--redis", redis] : []),
  ];
}

/** Why a side cannot run here: what the articles' stack is made of is not ours to install. */
export function whyUnavailable(name: SideName): string | undefined {
  if (name !== "flask") return undefined;
  const { status } = spawnSync("/usr/bin/python3", ["-c", "import flask_socketio, geventwebsocket, gunicorn, redis"]);
  return status === 0 ? undefined : "it needs bench/side/flask/setup.sh";
}

export async function startSide(name: SideName, launch: Launch): Promise<Side> {
  const parts: Part[] = [];
  const started = async (starting: Promise<Part>) => {
    const part = await starting;
    parts.push(part);
    return part;
  };
  const certificate = launch.tls ? createBenchCertificate() : undefined;
  const stop = async () => {
    await stopAll(parts);
    certificate?.remove();
  };
  try {
    const redis = launch.hosts === undefined ? undefined : await started(startRedis());
    const hosts: Part[] = [];
    for (let i = 0; i < (launch.hosts ?? 1); i++) {
      hosts.push(await started(startPart(host(name, launch, redis, certificate))));
    }
    const hostUrls = hosts.map(({ url }) => url);
    const starting = frontOf(name, launch, hostUrls, certificate);
    const front = starting && (await started(starting));
    const pids = [...hosts, ...(front ? [front] : [])].flatMap((part) => part.pids);
    return {
      name,
      url: front?.url ?? (hostUrls[0] as string),
      hostUrls,
      pids,
      primaryPids: hosts.map((part) => part.pids[0] as number),
      redisPid: redis?.pids[0],
      collectGarbage: () => signalAll(pids, "SIGWINCH"),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function frontOf(
  name: SideName,
  { front }: Launch,
  hostUrls: readonly string[],
  certificate: BenchCertificate | undefined,
): Promise<Part> | undefined {
  if (front) return startFront(hostUrls);
  return name === "nginx" && certificate ? startTlsFront(hostUrls[0] as string, certificate) : undefined;
}

function host(
  name: SideName,
  launch: Launch,
  redis: Part | undefined,
  certificate: BenchCertificate | undefined,
): PartCommand {
  const env = { ...environment(launch), ...(redis && { BENCH_REDIS_URL: redis.url }) };
  const tls =
    certificate && name !== "nginx" ? ["--tls-cert", certificate.certFile, "--tls-key", certificate.keyFile] : [];
  return { what: name, command: [...COMMAND[name](launch, redis?.url), ...tls], env };
}

function environment({ collectable, recoverable }: Launch): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _inherited, ...inherited } = process.env;
  const env = { ...inherited, ...(recoverable && { BENCH_RECOVERABLE: "1" }) };
  if (!collectable) return env;
  return { ...env, NODE_OPTIONS: `--import=${new URL("collect-on-signal.mjs", import.meta.url)}` };
}

/** The last started first: who serves before what it needs. */
async function stopAll(parts: readonly Part[]): Promise<void> {
  for (const part of parts.toReversed()) await part.stop();
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) process.kill(pid, signal);
}

function file(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
