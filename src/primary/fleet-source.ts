/**
 * What the fleet goes by: the settings of the start, and at each reload those of then, as far as a reload may change them.
 * In the primary. The rules are in fleet-settings.ts; here is what has to be said of them, and to whom.
 */
import type { Loaded } from "../config/load.js";
import type { Settings } from "../config/settings.js";
import type { TlsPair } from "../config/tls-pair.js";
import { resolveWorkerCount } from "../config/worker-count.js";
import type { PrimaryMessage } from "../protocol/control.js";
import { changedForPrimary, fleetSettings, settingsAfter, speaksTls, uplinkMode } from "./fleet-settings.js";
import type { FleetSettings } from "./supervisor/contract.js";
import { sayCertificate, TicketKeys } from "./tls-credentials.js";

export interface FleetStart {
  readonly settings: Settings;
  readonly tls: TlsPair | undefined;
  /** Throws ConfigError when they are wrong by now. */
  readonly load: () => Loaded;
  /** Pages of these may read the primary's own errors. */
  readonly allowOrigins: (origins: NonNullable<Settings["corsOrigins"]>) => void;
  readonly log: FleetLog;
}

interface FleetLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export class FleetSource {
  readonly #start: FleetStart;
  readonly #ticketKeys = new TicketKeys();

  constructor(start: FleetStart) {
    this.#start = start;
  }

  initial(): FleetSettings {
    const { settings, tls } = this.#start;
    return this.#fleet(settings, tls);
  }

  /** Throws when the settings of now are wrong: then nothing changes. */
  reread(): FleetSettings {
    const { settings: before, tls, load, allowOrigins, log } = this.#start;
    const loaded = load();
    if (loaded.kind === "print") throw new Error("the settings ask to be printed");
    const changed = changedForPrimary(before, loaded.settings);
    if (changed.length > 0) {
      log.warn({ event: "restart-needed", settings: changed }, `only a restart changes ${changed.join(", ")}`);
    }
    allowOrigins(loaded.settings.corsOrigins ?? []);
    const settings = settingsAfter(before, loaded.settings);
    return this.#fleet(settings, speaksTls(before) && speaksTls(settings) ? loaded.tls : tls);
  }

  /** `tell` reaches every worker that there is. */
  keepSecretsFresh(tell: (message: PrimaryMessage) => void): void {
    if (this.#start.tls) this.#ticketKeys.rotateNowAndThen(tell);
  }

  #fleet(settings: Settings, tls: TlsPair | undefined): FleetSettings {
    const { workers, reason } = resolveWorkerCount(settings.workers);
    this.#start.log.info({ event: "workers", workers, reason }, `workers: ${workers} (${reason})`);
    if (tls) sayCertificate(tls, this.#start.log);
    return fleetSettings(settings, workers, {
      uplink: uplinkMode(this.#start.settings),
      firstWord: tls && (() => this.#ticketKeys.firstWord(tls)),
    });
  }
}
