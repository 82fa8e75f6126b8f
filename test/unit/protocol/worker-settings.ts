/** The settings of a worker where they do not matter. */
import type { WorkerSettings } from "../../../src/protocol/control.js";

export const ANY_SETTINGS: WorkerSettings = {
  headerTimeoutMs: 1,
  maxHeaderBytes: 1,
  requestTimeoutMs: 1,
  maxBodyBytes: 1,
  maxClientBufferBytes: 1,
  logLevel: "info",
  logFormat: "json",
};
