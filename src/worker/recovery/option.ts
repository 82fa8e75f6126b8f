/** What the app and the operator say of recovery, made into one. Pure; runs in workers, where the app's options are. */

export interface RecoveryOption {
  readonly windowMs: number;
  readonly skipMiddlewares: boolean;
}

/** As `connectionStateRecovery` of an app's options; whatever else is there is not ours to judge. */
export interface AppRecoveryOption {
  readonly maxDisconnectionDuration?: number;
  readonly skipMiddlewares?: boolean;
}

export interface OperatorRecovery {
  readonly recovery?: "on" | "off";
  readonly recoveryWindowMs?: number;
}

/** As in Socket.IO. */
export const DEFAULT_RECOVERY_WINDOW_MS = 120_000;

/** Undefined: recovery is off. Middlewares are skipped only where the app says so: a user may have been revoked. */
export function recoveryOption(
  app: AppRecoveryOption | undefined,
  { recovery, recoveryWindowMs }: OperatorRecovery,
): RecoveryOption | undefined {
  if (recovery === "off" || (recovery === undefined && !app)) return undefined;
  const { maxDisconnectionDuration: asked, skipMiddlewares = false } = app ?? {};
  const askedMs = Number.isFinite(asked) && (asked as number) > 0 ? Math.ceil(asked as number) : undefined;
  return { windowMs: recoveryWindowMs ?? askedMs ?? DEFAULT_RECOVERY_WINDOW_MS, skipMiddlewares };
}
