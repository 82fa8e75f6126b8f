/** The part of the settings that the supervisor and the workers act on, and so the part that a reload can change. Pure. */
import type { Settings } from "../config/settings.js";
import type { WorkerSettings } from "../protocol/control.js";
import type { FleetSettings } from "./supervisor/contract.js";

export function fleetSettings(settings: Settings, workers: number): FleetSettings {
  const { workerTimeoutMs, bootTimeoutMs, drainTimeoutMs } = settings;
  return { workers, workerTimeoutMs, bootTimeoutMs, drainTimeoutMs, worker: workerSettings(settings) };
}

/** The primary keeps what it was started with; the names of the settings that differ since. */
export function changedForPrimary(before: Settings, after: Settings): string[] {
  return OF_PRIMARY.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

const OF_PRIMARY = [
  "port",
  "host",
  "listen",
  "balance",
  "manage",
  "manageToken",
  "headerTimeoutMs",
  "maxHeaderBytes",
  "trustProxy",
  "proxyProtocol",
  "maxConnections",
  "maxConnectionsPerIp",
  "connectRate",
  "logLevel",
  "logFormat",
] as const satisfies readonly (keyof Settings)[];

function workerSettings(settings: Settings): WorkerSettings {
  const { headerTimeoutMs, maxHeaderBytes, requestTimeoutMs, maxBodyBytes, maxClientBufferBytes } = settings;
  const { app, corsOrigins, basicAuth, trustProxy, logLevel, logFormat } = settings;
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
    logLevel,
    logFormat,
  };
}
