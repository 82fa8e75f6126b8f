/**
 * The two ways in which a start can be wrong before anything was started. Their messages are ready to print: the primary
 * writes them to stderr behind "holdfast: " and exits with `exitCode`. Neither ever holds a secret.
 */

/** The command line itself is wrong: an unknown flag, a missing value, two apps. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "HOLDFAST_USAGE_ERROR";
  readonly exitCode = 2;
}

/** A setting is wrong, wherever it came from. One line for each: the key, the value, its source, and what is allowed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "HOLDFAST_CONFIG_ERROR";
  readonly exitCode = 78;

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.length === 1 ? problems.join() : `wrong configuration:\n  ${problems.join("\n  ")}`, options);
  }
}
