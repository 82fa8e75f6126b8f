/** The part of the settings that the supervisor and the workers act on, and so the part that a reload can change. Pure. */
import type { Settings } from "../config/settings.js";
import type { PrimaryMessage, UplinkMode, WorkerSettings } from "../protocol/control.js";
import type { FleetSettings } from "./supervisor/contract.js";

/** What does not come from the settings as they are at a reload. */
export interface FleetGround {
  /** How the primary is joined to other hosts, which a reload does not change. */
  readonly uplink?: UplinkMode | undefined;
  /** Where TLS is spoken, what the workers need for it. */
  readonly firstWord?: (() => PrimaryMessage) | undefined;
}

export function fleetSettings(settings: Settings, workers: number, ground: FleetGround = {}): FleetSettings {
  const { workerTimeoutMs, bootTimeoutMs, drainTimeoutMs, maxWorkerMemoryBytes } = settings;
  const { uplink, firstWord } = ground;
  const worker = { ...workerSettings(settings, firstWord !== undefined), ...(uplink && { uplink }) };
  return {
    ...{ workers, workerTimeoutMs, bootTimeoutMs, drainTimeoutMs, worker },
    ...(maxWorkerMemoryBytes !== undefined && { maxWorkerMemoryBytes }),
    ...(firstWord && { firstWord }),
  };
}

export function uplinkMode({ redis, redisMode }: Settings): UplinkMode | undefined {
  return redis && redisMode;
}

/** Whether TLS is spoken is the primary's to know: a reload changes the certificate, and not that there is one. */
export function speaksTls({ tlsCert }: Settings): boolean {
  return tlsCert !== undefined;
}

/** The primary goes by the proxies it was started with, and both must believe the same ones. */
export function settingsAfter(before: Settings, after: Settings): Settings {
  const { trustProxy: _, ...rest } = after;
  return before.trustProxy ? { ...rest, trustProxy: before.trustProxy } : rest;
}

/** The primary keeps what it was started with; the names of the settings that differ since. */
export function changedForPrimary(before: Settings, after: Settings): string[] {
  const changed: string[] = OF_PRIMARY.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  return speaksTls(before) === speaksTls(after) ? changed : [...changed, "tlsCert", "tlsKey"];
}

const OF_PRIMARY = [
  "port",
  "host",
  "listen",
  "advertise",
  "balance",
  "manage",
  "manageToken",
  "headerTimeoutMs",
  "maxHeaderBytes",
  "redis",
  "redisPrefix",
  "redisMode",
  "redisRequired",
  "redisSecret",
  "redisCa",
  "redisCert",
  "redisKey",
  "trustProxy",
  "proxyProtocol",
  "maxConnections",
  "maxConnectionsPerIp",
  "connectRate",
  "logLevel",
  "logFormat",
  "recoveryBufferBytes",
] as const satisfies readonly (keyof Settings)[];

function workerSettings(settings: Settings, tls: boolean): WorkerSettings {
  const { headerTimeoutMs, maxHeaderBytes, requestTimeoutMs, maxBodyBytes, maxClientBufferBytes } = settings;
  const { app, corsOrigins, basicAuth, trustProxy, logLevel, logFormat, recovery, recoveryWindowMs } = settings;
  return {
    ...(app !== undefined && { app }),
    ...(corsOrigins !== undefined && { corsOrigins }),
    ...(basicAuth !== undefined && { basicAuth }),
    ...(trustProxy !== undefined && { trustProxy }),
    headerTimeoutMs,
    maxHeaderBytes,
    requestTimeoutMs,
    maxBodyBytes,
    maxClientBufferBytes,
    tls,
    logLevel,
    logFormat,
    ...(recovery !== undefined && { recovery }),
    ...(recoveryWindowMs !== undefined && { recoveryWindowMs }),
  };
}
