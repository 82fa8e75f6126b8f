/**
 * The settings as the primary's parts get them: checked, with every default filled in, and frozen. Knows nothing of where
 * a value came from; table.ts says how each is spelt on the command line, in the environment and in the config file.
 */

export interface Settings {
  /** Absolute path of the app's module; absent, the built-in chat runs. */
  readonly app?: string;
  /** "auto" is turned into a number by worker-count.ts. */
  readonly workers: number | "auto";
  readonly workerTimeoutMs: number;
  readonly bootTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** 0 picks a free one. */
  readonly port: number;
  readonly host: string;
  /** When present, it is used instead of `host` and `port`. */
  readonly listen?: ListenTarget;
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
  readonly manage: "off" | ManageAddress;
  /** A secret: never log it. */
  readonly manageToken?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export type ListenTarget = { readonly unix: string } | { readonly fd: number };

export interface ManageAddress {
  readonly host: string;
  readonly port: number;
  /** False for the default, which may be taken by another instance without harm. */
  readonly explicit: boolean;
}

export const BALANCES = ["least-connection", "round-robin", "random", "ip-hash"] as const;
export type Balance = (typeof BALANCES)[number];

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ["json", "pretty"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
