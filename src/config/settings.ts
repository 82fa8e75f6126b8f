/**
 * The settings as the primary's parts get them: checked, with every default filled in, and frozen. Knows nothing of where
 * a value came from; table.ts says how each is spelt on the command line, in the environment and in the config file.
 */
import type { HostAndPort } from "../protocol/host-and-port.js";

export interface Settings {
  /** Absolute path of the app's module; absent, the built-in chat runs. */
  readonly app?: string;
  /** "auto" is turned into a number by worker-count.ts. */
  readonly workers: number | "auto";
  readonly workerTimeoutMs: number;
  readonly bootTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Absent: no limit. */
  readonly maxWorkerMemoryBytes?: number;
  /** 0 picks a free one. */
  readonly port: number;
  readonly host: string;
  /** When present, all of it is used instead of `host` and `port`. */
  readonly listen?: readonly ListenTarget[];
  /** Absolute paths, both or neither; tls-pair.ts reads them. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Absent: it is found where that can be. */
  readonly advertise?: "off" | HostAndPort;
  readonly balance: Balance;
  readonly headerTimeoutMs: number;
  readonly maxHeaderBytes: number;
  /** As browsers write them; "*" for any. */
  readonly corsOrigins?: readonly string[];
  /** Absolute path of an htpasswd file that has been checked. */
  readonly basicAuth?: string;
  /** Addresses, CIDR blocks, or "unix". */
  readonly trustProxy?: readonly string[];
  readonly proxyProtocol: boolean;
  readonly maxConnections?: number;
  readonly maxConnectionsPerIp?: number;
  /** New connections in a second. */
  readonly connectRate?: number;
  readonly requestTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly maxClientBufferBytes: number;
  /** Absent: as the app's `connectionStateRecovery` says. */
  readonly recovery?: "on" | "off";
  /** Absent: as the app says, else DEFAULT_RECOVERY_WINDOW_MS of the workers. */
  readonly recoveryWindowMs?: number;
  readonly recoveryBufferBytes: number;
  readonly manage: "off" | ManageAddress;
  /** A secret: never log it. */
  readonly manageToken?: string;
  /** Absent: this host stands alone. Passwords are in here: show it only as table.ts formats it. */
  readonly redis?: RedisTarget;
  readonly redisPrefix: string;
  readonly redisMode: RedisMode;
  readonly redisRequired: boolean;
  /** A secret: never log it. */
  readonly redisSecret?: string;
  /** Absolute paths of PEM files. */
  readonly redisCa?: string;
  readonly redisCert?: string;
  readonly redisKey?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export type ListenTarget = { readonly unix: string } | { readonly fd: number } | HostAndPort;

export interface ManageAddress extends HostAndPort {
  /** False for the default, which may be taken by another instance without harm. */
  readonly explicit: boolean;
}

export const BALANCES = ["least-connection", "round-robin", "random", "ip-hash"] as const;
export type Balance = (typeof BALANCES)[number];

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ["json", "pretty"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What the `--redis` URLs name. */
export type RedisTarget = SingleRedis | SentinelRedis | RedisCluster;

export interface SingleRedis extends RedisLogin {
  readonly kind: "single";
  readonly address: RedisAddress | { readonly path: string };
  readonly database: number;
}

export interface SentinelRedis extends RedisLogin {
  readonly kind: "sentinel";
  readonly sentinels: readonly RedisAddress[];
  /** For the Sentinels themselves, which have users of their own. */
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** The name under which the Sentinels know the master. */
  readonly master: string;
  readonly database: number;
}

export interface RedisCluster extends RedisLogin {
  readonly kind: "cluster";
  /** Nodes to ask for all others. */
  readonly nodes: readonly RedisAddress[];
}

export interface RedisLogin {
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
}

export type RedisAddress = HostAndPort;

export const REDIS_MODES = ["classic", "sharded"] as const;
export type RedisMode = (typeof REDIS_MODES)[number];
