/** The part of the settings that the supervisor and the workers act on, and so the part that a reload can change. Pure. */
import type { Settings } from "../config/settings.js";
import type { UplinkMode, WorkerSettings } from "../protocol/control.js";
import type { FleetSettings } from "./supervisor/contract.js";

/** `uplink`: how the primary is joined to other hosts, which a reload does not change. */
export function fleetSettings(settings: Settings, workers: number, uplink: UplinkMode | undefined): FleetSettings {
  const { workerTimeoutMs, bootTimeoutMs, drainTimeoutMs } = settings;
  const worker = { ...workerSettings(settings), ...(uplink && { uplink }) };
  return { workers, workerTimeoutMs, bootTimeoutMs, drainTimeoutMs, worker };
}

export function uplinkMode({ redis, redisMode }: Settings): UplinkMode | undefined {
  return redis && redisMode;
}

/** The primary keeps what it was started with; the names of the settings that differ since. */
export function changedForPrimary(before: Settings, after: Settings): string[] {
  return OF_PRIMARY.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
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
  "logLevel",
  "logFormat",
  "recoveryBufferBytes",
] as const satisfies readonly (keyof Settings)[];

function workerSettings(settings: Settings): WorkerSettings {
  const { app, headerTimeoutMs, maxHeaderBytes, logLevel, logFormat, recovery, recoveryWindowMs } = settings;
  return {
    ...(app !== undefined && { app }),
    headerTimeoutMs,
    maxHeaderBytes,
    logLevel,
    logFormat,
    ...(recovery !== undefined && { recovery }),
    ...(recoveryWindowMs !== undefined && { recoveryWindowMs }),
  };
}
