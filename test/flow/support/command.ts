/**
 * The command that starts Holdfast for a test: the build under test, on free ports of the loopback, logging JSON, in an
 * environment that nothing of ours steers. What a test gives itself is left alone.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.js";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const FIXTURES = resolve(ROOT, "test/fixtures");

/** Read for each command: a test may have a build of its own. */
function dist(): string {
  return resolve(ROOT, process.env.TEST_DIST ?? "dist");
}

export interface CommandOptions {
  /** A file of test/fixtures, or an absolute path; the built-in chat without it. */
  readonly app?: string;
  readonly workers?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  readonly cwd?: string;
  /** A command and its arguments that run node: `["prlimit", "--nofile=100"]`. */
  readonly wrapper?: readonly string[];
  /** Lets heap.ts look into the primary. */
  readonly inspect?: boolean;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export async function commandFor(options: CommandOptions): Promise<Command> {
  const { app, args = [], env, wrapper = [] } = options;
  const node = [
    ...(options.nodeArgs ?? []),
    ...(options.inspect ? [`--inspect-port=127.0.0.1:${await freePort()}`] : []),
  ];
  const application = app === undefined ? [] : [resolve(FIXTURES, app)];
  const holdfast = [resolve(dist(), "primary.js"), ...application, ...defaultsBeside(args, options), ...args];
  const [file, ...rest] = [...wrapper, process.execPath, ...node, ...holdfast] as [string, ...string[]];
  return { file, args: rest, env: { ...ownEnvironment(), ...env } };
}

function defaultsBeside(args: readonly string[], { workers = 2, env = {} }: CommandOptions): string[] {
  const has = (...flags: string[]) =>
    args.some((arg) => flags.some((flag) => arg === flag || arg.startsWith(`${flag}=`)));
  const unlessGiven = (flag: string, short: string, value: string) => (has(flag, short) ? [] : [flag, value]);
  const elsewhere = has("--config", "--listen") || env.LISTEN_FDS !== undefined;
  return [
    ...(elsewhere ? [] : unlessGiven("--port", "-p", "0")),
    ...(elsewhere ? [] : unlessGiven("--host", "--host", "127.0.0.1")),
    ...unlessGiven("--workers", "-w", String(workers)),
    ...unlessGiven("--manage", "--manage", "127.0.0.1:0"),
    ...unlessGiven("--log-format", "--log-format", "json"),
  ];
}

/** Ours without what steers Holdfast, and what vitest and npm add. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const steering =
    /^(HOLDFAST_|PORT$|WEB_CONCURRENCY$|REDIS_URL$|LISTEN_|NOTIFY_|WATCHDOG_|NODE_ENV$|NODE_OPTIONS$|VITEST|npm_|pm_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !steering.test(name)));
}
