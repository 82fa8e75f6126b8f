/**
 * The real pm2, with a home and a daemon of its own that ends with the test.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { onCleanup, temporaryDirectory } from "./cleanup.js";
import { within } from "./eventually.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const BIN = resolve(ROOT, "node_modules/pm2/bin/pm2");
const COMMAND_MS = 30_000;

export interface Pm2Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The part of `pm2 jlist` that tests look at. */
export interface Pm2Process {
  readonly name: string;
  readonly pid: number;
  readonly pm2_env: {
    readonly status: string;
    readonly restart_time: number;
    readonly pm_out_log_path: string;
    readonly pm_err_log_path: string;
  };
}

export class Pm2 {
  readonly #home: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(home: string, env: Readonly<Record<string, string>>) {
    this.#home = home;
    this.#env = env;
  }

  /** `run("start", "ecosystem.config.js")`. Resolves when the command has ended, whatever its code. */
  async run(...args: readonly string[]): Promise<Pm2Result> {
    const env = { ...process.env, ...this.#env, PM2_HOME: this.#home, NO_COLOR: "1" };
    const child = spawn(process.execPath, [BIN, ...args], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    const result = { stdout: "", stderr: "" };
    child.stdout.on("data", (text) => (result.stdout += text));
    child.stderr.on("data", (text) => (result.stderr += text));
    const [code] = await within(once(child, "exit"), COMMAND_MS, `pm2 ${args.join(" ")}`, () => result);
    return { code, ...result };
  }

  async list(): Promise<Pm2Process[]> {
    const { stdout } = await this.run("jlist");
    return JSON.parse(stdout.slice(stdout.indexOf("[{")));
  }
}

/** `env` is what the apps find in their environment. */
export async function startPm2(env: Readonly<Record<string, string>> = {}): Promise<Pm2> {
  const pm2 = new Pm2(temporaryDirectory(), env);
  onCleanup(() => pm2.run("kill"));
  return pm2;
}
