/**
 * The table of settings. One row is all there is to know of one: the command line, the environment, the config file, the
 * checks, `--help`, `--print-config` and docs/settings.md are made from it. To add a setting, add a row (and its type in
 * settings.ts).
 */
import { resolve } from "node:path";
import type { Canvas } from "../log/paint.js";
import { ACCESS_ROWS } from "./access-rows.js";
import {
  type Check,
  duration,
  existingFile,
  filePath,
  host,
  hostAndPort,
  listenTarget,
  listOf,
  oneOf,
  size,
  token,
  wholeNumber,
  wordOr,
} from "./check.js";
import { REDIS_ROWS } from "./redis-row.js";
import { BALANCES, LOG_FORMATS, LOG_LEVELS, type Settings } from "./settings.js";

export type SettingKey = keyof Settings;

/** What a default and the look of the help depend on; `process.stdout` fits. */
export interface Terminal extends Canvas {
  readonly columns?: number | undefined;
}

export interface Setting<Value = unknown> {
  /** Of the flag; the key in the file is the same in camelCase, the variable in UPPER_SNAKE behind HOLDFAST_. */
  readonly name: string;
  readonly short?: string;
  /** Variables that other tools set, read after our own. */
  readonly commonVariables?: readonly string[];
  /** Absent for a switch: its flag takes no value, and `--no-…` turns off what another source has turned on. */
  readonly placeholder?: string;
  /**
   * Several values may be given: by the flag, repeated, by an array in the file, and by a text, split here. The check
   * gets a list of texts.
   */
  readonly separator?: RegExp;
  readonly group: Group;
  /** One line of the help; ends without a full stop, so that the default can follow. */
  readonly doc: string;
  /** What only the docs have room for, in whole sentences. */
  readonly detail?: string;
  readonly check: Check<Value>;
  readonly default?: Value | ((terminal: Terminal) => Value);
  /** In words, where the value alone does not say it. */
  readonly defaultText?: string;
  /** Masked wherever it is shown. */
  readonly secret?: true;
  /** Hides the secrets in the JSON of a value, where only part of it is one. */
  readonly redact?: (given: string) => string;
  /** The names of settings that make no sense on the same command line. */
  readonly conflicts?: readonly string[];
  /** Makes the paths in a value absolute: they are relative to where the value was written. */
  readonly anchor?: (given: string, directory: string) => string;
}

/** A flag that says what to do with the settings instead of being one. */
export interface Control {
  readonly name: string;
  readonly short?: string;
  readonly placeholder?: string;
  readonly doc: string;
}

export const GROUPS = [
  "Application",
  "Workers",
  "Listening",
  "Redis",
  "Access",
  "Limits",
  "Recovery",
  "Management",
  "Logging",
] as const;
export type Group = (typeof GROUPS)[number];

const HOUR_MS = 3_600_000;
const MB = 1_024 ** 2;
export const MAX_WORKERS = 1_024;
/** Between the values of one text, where none of them holds a comma or a space. */
export const COMMA_OR_SPACE = /[\s,]+/;
/** A path may hold a space or a comma. */
const BEFORE_LISTEN_TARGET = /[\s,]+(?=(?:unix|fd):|[^\s,]+:\d)/;

export const SETTINGS: { readonly [Key in SettingKey]-?: Setting<NonNullable<Settings[Key]>> } = {
  app: {
    name: "app",
    placeholder: "APP",
    group: "Application",
    doc: "Module whose default export is the application: app(io, ctx)",
    check: existingFile("a module"),
    defaultText: "the built-in chat",
    anchor: (path, directory) => resolve(directory, path),
  },
  workers: {
    name: "workers",
    short: "w",
    commonVariables: ["WEB_CONCURRENCY"],
    placeholder: "N|auto",
    group: "Workers",
    doc: "Worker processes; auto: one for each CPU, as far as the cgroup quota allows",
    detail:
      "How `auto` decided is said in the log. A fraction of a CPU counts as one. TTIN and TTOU change the number later.",
    check: wordOr("auto", wholeNumber({ from: 1, to: MAX_WORKERS })),
    default: "auto",
  },
  workerTimeoutMs: {
    name: "worker-timeout",
    placeholder: "TIME",
    group: "Workers",
    doc: "A worker silent this long is killed and replaced",
    detail:
      "Workers beat once a second. One whose event loop is stuck gets no new connections well before it is killed.",
    // Workers beat once a second: less than two beats would kill healthy ones.
    check: duration({ from: 2_000, to: HOUR_MS }),
    default: 10_000,
  },
  bootTimeoutMs: {
    name: "boot-timeout",
    placeholder: "TIME",
    group: "Workers",
    doc: "A worker not ready this long after its fork has failed",
    detail: "At the start that ends Holdfast with exit code 3; at a reload the old workers go on serving.",
    check: duration({ from: 1_000, to: HOUR_MS }),
    default: 30_000,
  },
  drainTimeoutMs: {
    name: "drain-timeout",
    placeholder: "TIME",
    group: "Workers",
    doc: "Time for clients to leave at a stop or a reload",
    detail:
      "What is still open when it is over is cut. Keep it below the time after which the service manager kills: 30 s in Kubernetes.",
    check: duration({ from: 0, to: HOUR_MS }),
    default: 25_000,
  },
  maxWorkerMemoryBytes: {
    name: "max-worker-memory",
    placeholder: "SIZE",
    group: "Workers",
    doc: "A worker past it is replaced gently",
    detail:
      "Resident memory, looked at once a second, of a worker that has served for 10 s at least. One worker at a time: it drains while another takes its place.",
    check: size({ from: 64 * MB, to: 1_024 * 1_024 * MB }),
    defaultText: "off",
  },
  port: {
    name: "port",
    short: "p",
    commonVariables: ["PORT"],
    placeholder: "N",
    group: "Listening",
    doc: "TCP port; 0 picks a free one and logs it",
    check: wholeNumber({ from: 0, to: 65_535 }),
    default: 3_000,
  },
  host: {
    name: "host",
    placeholder: "ADDR",
    group: "Listening",
    doc: "Address to bind",
    check: host(),
    default: "0.0.0.0",
  },
  listen: {
    name: "listen",
    placeholder: "WHERE",
    group: "Listening",
    doc: "HOST:PORT, unix:PATH or fd:N, instead of host and port; sockets passed by systemd (LISTEN_FDS) are used without it",
    detail: "The URL of the ready line is that of the first.",
    separator: BEFORE_LISTEN_TARGET,
    check: listOf(listenTarget()),
    conflicts: ["port", "host"],
    anchor: (target, directory) =>
      target.replace(/^unix:(.+)$/s, (_, path: string) => `unix:${resolve(directory, path)}`),
  },
  advertise: {
    name: "advertise",
    placeholder: "HOST:PORT|off",
    group: "Listening",
    doc: "Where the other hosts reach this one, to bring requests for its sessions; needs --redis",
    detail:
      "On the private network: whatever passes on a connection to this address, as to a port of a container. Where `--listen` names a path or a descriptor it cannot be found, and other hosts then answer that the session is unknown, as with `off`: the load balancer must be sticky.",
    check: wordOr("off", hostAndPort()),
    defaultText: "the address that is bound, or for 0.0.0.0 and :: the first that is not loopback",
  },
  tlsCert: {
    name: "tls-cert",
    placeholder: "FILE",
    group: "Listening",
    doc: "PEM file of a certificate and its chain; with --tls-key: TLS, in the workers",
    detail:
      "Read at the start and again at a reload; a bad pair ends a reload, and the old one stays. TLS 1.2 at least.",
    check: filePath(),
    anchor: (path, directory) => resolve(directory, path),
  },
  tlsKey: {
    name: "tls-key",
    placeholder: "FILE",
    group: "Listening",
    doc: "PEM file of the certificate's private key, without a passphrase",
    check: filePath(),
    anchor: (path, directory) => resolve(directory, path),
  },
  balance: {
    name: "balance",
    placeholder: "HOW",
    group: "Listening",
    doc: `How a connection without a session is placed: ${BALANCES.join(", ")}`,
    detail:
      "A connection that names a session always goes to the worker that owns it. `ip-hash` keeps an address on one worker as long as the workers stay the same.",
    check: oneOf(BALANCES),
    default: "least-connection",
  },
  ...REDIS_ROWS,
  headerTimeoutMs: {
    name: "header-timeout",
    placeholder: "TIME",
    group: "Limits",
    doc: "Time for a client to send a request's head",
    detail: "Slower ones get 408; who sent nothing is closed.",
    check: duration({ from: 100, to: HOUR_MS }),
    default: 10_000,
  },
  maxHeaderBytes: {
    name: "max-header",
    placeholder: "SIZE",
    group: "Limits",
    doc: "Largest request head",
    detail: "Larger ones get 431.",
    check: size({ from: 1_024, to: MB }),
    default: 16_384,
  },
  recovery: {
    name: "recovery",
    placeholder: "on|off",
    group: "Recovery",
    doc: "Clients get their sessions and what they missed back after a crash or a reload",
    detail:
      "Each event then carries one more argument, as with Socket.IO's own connection state recovery; `docs/recovery.md` says what is promised.",
    check: oneOf(["on", "off"]),
    defaultText: "as the app's connectionStateRecovery says",
  },
  recoveryWindowMs: {
    name: "recovery-window",
    placeholder: "TIME",
    group: "Recovery",
    doc: "How long a client may be away and still recover",
    check: duration({ from: 1_000, to: HOUR_MS }),
    defaultText: "the app's maxDisconnectionDuration, or 2m",
  },
  recoveryBufferBytes: {
    name: "recovery-buffer",
    placeholder: "SIZE",
    group: "Recovery",
    doc: "How much is kept for clients that are away",
    detail:
      "In the primary's memory: events, and the data of sessions. What does not fit is dropped and counted; a client that would need it gets a new session.",
    check: size({ from: 64 * 1_024, to: 64 * 1_024 * MB }),
    default: 64 * MB,
  },
  ...ACCESS_ROWS,
  manage: {
    name: "manage",
    placeholder: "HOST:PORT|off",
    group: "Management",
    doc: "Address of /livez, /readyz and /status",
    detail:
      "When the default address is taken, Holdfast warns and goes on without; when one that was asked for is, it ends with exit code 5.",
    check: wordOr("off", hostAndPort()),
    default: { host: "127.0.0.1", port: 9_464, explicit: false },
  },
  manageToken: {
    name: "manage-token",
    placeholder: "SECRET",
    group: "Management",
    doc: "Bearer token for all but /livez and /readyz; needed off loopback",
    detail:
      "Off loopback and without one, everything else answers 403. On loopback, one that is set is asked for, too.",
    check: token(),
    secret: true,
  },
  logLevel: {
    name: "log-level",
    placeholder: "LEVEL",
    group: "Logging",
    doc: `Least important lines to log: ${LOG_LEVELS.join(", ")}`,
    check: oneOf(LOG_LEVELS),
    default: "info",
  },
  logFormat: {
    name: "log-format",
    placeholder: "json|pretty",
    group: "Logging",
    doc: "JSON objects, one a line, or text for people",
    check: oneOf(LOG_FORMATS),
    default: (terminal) => (terminal.isTTY ? "pretty" : "json"),
    defaultText: "pretty on a terminal, else json",
  },
};

export const CONFIG_CONTROL: Control = {
  name: "config",
  placeholder: "FILE",
  doc: "JSON file of settings (also HOLDFAST_CONFIG)",
};
export const CHECK_CONTROL: Control = { name: "check", doc: "Check all settings, and exit" };
export const PRINT_CONTROL: Control = {
  name: "print-config",
  doc: "Print every setting with its source, secrets masked, and exit",
};
export const VERSION_CONTROL: Control = { name: "version", short: "V", doc: "Print the version, and exit" };
export const HELP_CONTROL: Control = { name: "help", short: "h", doc: "Print this, and exit" };

export const SETTING_ROWS: readonly (readonly [SettingKey, Setting])[] = Object.entries(SETTINGS) as [
  SettingKey,
  Setting,
][];

export function rowsOf(group: Group): readonly (readonly [SettingKey, Setting])[] {
  return SETTING_ROWS.filter(([, row]) => row.group === group);
}

export function fileKeyOf({ name }: { readonly name: string }): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

export function variableOf({ name }: { readonly name: string }): string {
  return `HOLDFAST_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** Where the setting is a secret or may hold one, the variable that names a file with it. */
export function fileVariableOf(row: Setting): string | undefined {
  return row.secret || row.redact ? `${variableOf(row)}_FILE` : undefined;
}

/** The app is not a flag but the one argument. */
export function flagOf(row: { readonly name: string; readonly placeholder?: string }): string {
  return row.name === "app" ? "APP" : `--${row.name}`;
}

export function defaultOf(row: Setting, terminal: Terminal): unknown {
  return typeof row.default === "function" ? row.default(terminal) : row.default;
}

/** The default as the help and the docs name it; undefined where there is none. */
export function defaultTextOf(row: Setting): string | undefined {
  return row.defaultText ?? (row.default === undefined ? undefined : row.check.format(row.default));
}
