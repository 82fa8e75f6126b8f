/**
 * Real Redis servers on free ports of the loopback, without any file that outlives the test: one, a Cluster, or a master
 * with a replica and Sentinels.
 */
import { type ChildProcess, execFile } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { type Certificate, CertificateAuthority } from "./certificate.js";
import { killChild, spawnTracked, temporaryDirectory } from "./cleanup.js";
import { eventually, within } from "./eventually.js";
import { freePort } from "./free-port.js";

const START_MS = 10_000;
const STOP_MS = 10_000;
const FORM_MS = 30_000;
const READY = /ready to accept connections|Sentinel ID is/i;
/** For `cli`, where the test's own rules leave the default user nothing. */
const ADMIN = { name: "test-admin", password: "test-admin-password" };

export interface RedisServerOptions {
  /** Of redis-server: `["--maxmemory", "1mb"]`. */
  readonly args?: readonly string[];
  /** TLS only, no plain port. `true`: a certificate of a private CA for localhost and 127.0.0.1. */
  readonly tls?: boolean | { readonly names?: string[]; readonly expired?: boolean };
  /** Lines of an ACL file: `["user default off", "user app on >secret &socket.io* ~* +@all"]`. */
  readonly acl?: readonly string[];
  /** Listens on a Unix socket alone. */
  readonly unixSocket?: boolean;
  /** Makes it a Sentinel with this configuration, which it rewrites. */
  readonly sentinelFile?: string;
}

export interface RedisTls {
  readonly caFile: string;
  /** For a client; the server asks for one. */
  readonly client: Certificate;
}

const run = promisify(execFile);

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = new RedisServer(options, await freePort());
  await server.start();
  return server;
}

export class RedisServer {
  readonly port: number;
  readonly directory = temporaryDirectory();
  readonly tls: RedisTls | undefined;
  readonly #args: readonly string[];
  readonly #socket: string | undefined;
  #process: ChildProcess | undefined;
  #log = "";

  constructor(options: RedisServerOptions, port: number) {
    this.port = port;
    this.#socket = options.unixSocket ? join(this.directory, "redis.sock") : undefined;
    const authority = options.tls ? new CertificateAuthority() : undefined;
    this.tls = authority && { caFile: authority.caFile, client: authority.issue() };
    this.#args = [
      ...(options.sentinelFile
        ? [options.sentinelFile, "--sentinel"]
        : ["--save", "", "--repl-diskless-sync-delay", "0"]),
      ...["--dir", this.directory, "--bind", "127.0.0.1"],
      ...this.#listen(authority, options),
      ...this.#acl(options.acl),
      ...(options.args ?? []),
    ];
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get url(): string {
    if (this.#socket) return `unix:${this.#socket}`;
    return `${this.tls ? "rediss" : "redis"}://127.0.0.1:${this.port}`;
  }

  /** What the server has logged. */
  get log(): string {
    return this.#log;
  }

  /** With what it was started with before, and, unless files keep it, with nothing in it. */
  async start(): Promise<void> {
    const server = spawnTracked("redis-server", this.#args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = server;
    const ready = new Promise<void>((resolve) => {
      createInterface(server.stdout as Readable).on("line", (line) => {
        this.#log += `${line}\n`;
        if (READY.test(line)) resolve();
      });
    });
    const ended = once(server, "exit").then(() => Promise.reject(new Error(`redis-server ended:\n${this.#log}`)));
    ended.catch(() => {});
    await within(Promise.race([ready, ended]), START_MS, "redis-server being ready", () => this.#log);
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<void> {
    const server = this.#process;
    if (server?.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    server.kill("SIGCONT");
    server.kill("SIGTERM");
    await within(exited, STOP_MS, "redis-server ending");
  }

  /** SIGKILL: no connection is closed by Redis itself. */
  async kill(): Promise<void> {
    if (this.#process) await killChild(this.#process);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** SIGSTOP: connections stay open, and nothing is answered. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** What redis-cli prints, without the last line end; an error reply is thrown. */
  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run("redis-cli", ["-e", ...this.#cliConnection(), ...args]);
    return stdout.replace(/\n$/, "");
  }

  /** One line each, as an object: `{ id, addr, name, cmd, sub, psub, ssub, … }`. */
  async clients(): Promise<Record<string, string>[]> {
    const text = await this.cli("client", "list");
    const clients = text.split("\n").map((line) => Object.fromEntries(line.split(" ").map(keyAndValue)));
    return clients.filter(({ cmd }) => cmd !== "client|list");
  }

  #listen(authority: CertificateAuthority | undefined, { tls }: RedisServerOptions): string[] {
    if (this.#socket) return ["--port", "0", "--unixsocket", this.#socket];
    if (!authority) return ["--port", String(this.port)];
    const { certFile, keyFile } = authority.issue(typeof tls === "object" ? tls : {});
    return [
      ...["--port", "0", "--tls-port", String(this.port), "--tls-ca-cert-file", authority.caFile],
      ...["--tls-cert-file", certFile, "--tls-key-file", keyFile],
    ];
  }

  #acl(lines: readonly string[] | undefined): string[] {
    if (!lines) return [];
    const file = join(this.directory, "users.acl");
    writeFileSync(file, [...lines, `user ${ADMIN.name} on >${ADMIN.password} ~* &* +@all`, ""].join("\n"));
    return ["--aclfile", file];
  }

  #cliConnection(): string[] {
    const login = this.#args.includes("--aclfile")
      ? ["--user", ADMIN.name, "--pass", ADMIN.password, "--no-auth-warning"]
      : [];
    if (this.#socket) return ["-s", this.#socket, ...login];
    const { caFile, client } = this.tls ?? {};
    const tls =
      caFile && client ? ["--tls", "--cacert", caFile, "--cert", client.certFile, "--key", client.keyFile] : [];
    // A server whose certificate is wrong on purpose must be asked all the same.
    return ["-p", String(this.port), ...login, ...(tls.length > 0 ? [...tls, "--insecure"] : [])];
  }
}

export interface RedisClusterServers {
  readonly masters: readonly RedisServer[];
  readonly replicas: readonly RedisServer[];
  readonly urls: readonly string[];
}

/** Formed, its slots shared evenly; each replica follows the master with its index. */
export async function startRedisCluster(
  masters = 3,
  { replicas = 0, args = [] as readonly string[] } = {},
): Promise<RedisClusterServers> {
  const servers = await Promise.all(Array.from({ length: masters + replicas }, () => startClusterNode(args)));
  const addresses = servers.slice(0, masters).map(({ port }) => `127.0.0.1:${port}`);
  const [first] = servers as [RedisServer];
  await first.cli("--cluster", "create", ...addresses, "--cluster-yes");
  const followers = servers.slice(masters);
  for (const [index, follower] of followers.entries())
    await follow(follower, servers[index % masters] as RedisServer, first);
  await Promise.all(servers.map((server) => clusterIsWell(server, masters + replicas)));
  return {
    masters: servers.slice(0, masters),
    replicas: followers,
    urls: servers.slice(0, masters).map(({ url }) => url),
  };
}

async function startClusterNode(args: readonly string[]): Promise<RedisServer> {
  const bus = String(await freePort());
  return startRedis({
    args: ["--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1500", ...args],
  });
}

async function follow(replica: RedisServer, master: RedisServer, known: RedisServer): Promise<void> {
  const masterId = await master.cli("cluster", "myid");
  const bus = (await known.cli("config", "get", "cluster-port")).split("\n")[1] as string;
  await replica.cli("cluster", "meet", "127.0.0.1", String(known.port), bus);
  await eventually(
    () => replica.cli("cluster", "replicate", masterId),
    () => true,
    { withinMs: FORM_MS, what: "a replica knowing its master" },
  );
  await follows(replica);
}

/** Before that it would not be made a master. */
async function follows(replica: RedisServer): Promise<void> {
  await eventually(
    () => replica.cli("info", "replication"),
    (info) => info.includes("master_link_status:up"),
    { withinMs: FORM_MS, what: "the replica following its master" },
  );
}

async function clusterIsWell(server: RedisServer, nodes: number): Promise<void> {
  await eventually(
    () => server.cli("cluster", "info"),
    (info) => info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${nodes}`),
    { withinMs: FORM_MS, what: "the Redis Cluster being formed" },
  );
}

export interface RedisSentinelServers {
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  /** Resolves when the Sentinels name the replica as the master. */
  readonly failedOver: () => Promise<void>;
}

const MASTER_NAME = "holdfast-master";

/** A master that is silent for a second is replaced by the replica. */
export async function startRedisSentinel(): Promise<RedisSentinelServers> {
  const master = await startRedis();
  const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
  await follows(replica);
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(master.port)));
  await Promise.all(sentinels.map(knowsAll));
  const failedOver = async () => {
    await Promise.all(sentinels.map((sentinel) => names(sentinel, replica.port)));
  };
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${MASTER_NAME}`,
    master,
    replica,
    sentinels,
    failedOver,
  };
}

/** Its configuration must be a file that it can write. */
async function startSentinel(masterPort: number): Promise<RedisServer> {
  const sentinelFile = join(temporaryDirectory(), "sentinel.conf");
  const lines = [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${MASTER_NAME} 1000`,
    `sentinel failover-timeout ${MASTER_NAME} 4000`,
  ];
  writeFileSync(sentinelFile, `${lines.join("\n")}\n`);
  return startRedis({ sentinelFile });
}

async function knowsAll(sentinel: RedisServer): Promise<void> {
  await eventually(
    () => sentinel.cli("sentinel", "master", MASTER_NAME),
    (text) => field(text, "num-other-sentinels") === "2" && field(text, "num-slaves") === "1",
    { withinMs: FORM_MS, what: "a Sentinel knowing the others and the replica" },
  );
}

async function names(sentinel: RedisServer, port: number): Promise<void> {
  await eventually(
    () => sentinel.cli("sentinel", "get-master-addr-by-name", MASTER_NAME),
    (address) => address.split("\n")[1] === String(port),
    { withinMs: FORM_MS, what: "the Sentinels naming the replica as master" },
  );
}

/** Of what redis-cli prints for a map: names and values take turns. */
function field(text: string, name: string): string | undefined {
  const lines = text.split("\n");
  return lines[lines.indexOf(name) + 1];
}

function keyAndValue(text: string): [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}
