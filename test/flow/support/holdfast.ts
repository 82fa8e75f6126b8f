/**
 * Starts Holdfast as its users do, as a process of its own, and reads what they can read: its log, its exit, and the
 * management endpoints. Knows nothing of the code inside.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Status, WorkerRow } from "../../../src/primary/manage/status.js";
import { killChild, onCleanup } from "./cleanup.js";
import { type CommandOptions, commandFor, ROOT } from "./command.js";
import { eventually, within } from "./eventually.js";
import { Log, type LogLine } from "./log-line.js";
import { isAlive } from "./process.js";

const READY_MS = 20_000;
const EXIT_MS = 15_000;
const WAIT_MS = 10_000;
/** Workers may hold on to stdout when the primary has ended: what it said itself has been read by then. */
const OUTPUT_MS = 500;
/** How long a stop at the end of a test may take before a second TERM asks for it at once. */
const GENTLE_STOP_MS = 1_000;

const DEADLY: ReadonlySet<NodeJS.Signals> = new Set(["SIGTERM", "SIGINT", "SIGKILL", "SIGQUIT", "SIGABRT"]);

export interface StartOptions extends CommandOptions {
  /** Lines of stderr that the test provokes, and that the end therefore does not complain about. */
  readonly noise?: RegExp;
  readonly readyWithinMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface FailedStart extends Exit {
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly LogLine[];
  readonly ms: number;
}

/** Resolves when Holdfast has said that it is ready. */
export async function startHoldfast(options: StartOptions = {}): Promise<Holdfast> {
  const host = await spawnHoldfast(options);
  await host.ready;
  return host;
}

/** For a start that must fail: waits for the exit. */
export async function startExpectingExit(options: StartOptions & { withinMs?: number } = {}): Promise<FailedStart> {
  const startedAt = performance.now();
  const host = await spawnHoldfast(options);
  host.ready.catch(() => {});
  const exit = await host.exitedWithin(options.withinMs ?? EXIT_MS);
  const { stdout, stderr, lines } = host;
  return { ...exit, stdout, stderr, lines, ms: performance.now() - startedAt };
}

/** Resolves as soon as the process runs; `ready` is the caller's to await. */
export async function spawnHoldfast(options: StartOptions = {}): Promise<Holdfast> {
  const { file, args, env } = await commandFor(options);
  const child = spawn(file, args, { cwd: options.cwd ?? ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  await once(child, "spawn");
  const host = new Holdfast(child, options);
  onCleanup(() => host.finish());
  return host;
}

export class Holdfast {
  readonly ready: Promise<LogLine>;
  /** Whether heap.ts may look into the primary. */
  readonly inspected: boolean;
  readonly #child: ChildProcess;
  readonly #log: Log;
  readonly #noise: RegExp | undefined;
  readonly #exit: Promise<Exit>;
  #readyLine: LogLine | undefined;
  /** Whether the test has asked for the end, or asked about it. */
  #mayEnd = false;

  constructor(child: ChildProcess, { noise, inspect = false, readyWithinMs = READY_MS }: StartOptions) {
    this.inspected = inspect;
    this.#child = child;
    this.#noise = noise;
    this.#log = new Log(child.stdout as Readable, child.stderr as Readable);
    this.#exit = exitOf(child);
    this.ready = this.#becomeReady(readyWithinMs);
    // Who starts without awaiting it still sees the error in whatever is awaited next.
    this.ready.catch(() => {});
  }

  get url(): string {
    return urlIn(this.#line("url"));
  }

  get manageUrl(): string {
    return urlIn(this.#line("manage"));
  }

  /** Of the primary, also under a wrapper that does not replace itself by node. */
  get pid(): number {
    return this.#readyLine?.pid ?? (this.#child.pid as number);
  }

  /** Resolves when the primary has ended and what it said was read. */
  get exited(): Promise<Exit> {
    this.#mayEnd = true;
    return this.#exit;
  }

  get lines(): readonly LogLine[] {
    return this.#log.lines;
  }

  get stdout(): string {
    return this.#log.stdout.text;
  }

  get stderr(): string {
    return this.#log.stderr.text;
  }

  /** On a connection of its own, so that none stays open between two looks. */
  async status(): Promise<Status> {
    return JSON.parse(await get(`${this.manageUrl}/status`, WAIT_MS));
  }

  async workers(): Promise<readonly WorkerRow[]> {
    return (await this.status()).workers;
  }

  /** The ready worker of a slot. */
  async worker(slot: number): Promise<WorkerRow> {
    const status = await this.waitForStatus((status) => readyWorker(status, slot) !== undefined);
    return readyWorker(status, slot) as WorkerRow;
  }

  waitForStatus(predicate: (status: Status) => boolean, withinMs = WAIT_MS): Promise<Status> {
    return eventually(() => this.status(), predicate, { withinMs, what: `a status where ${predicate}` });
  }

  /** The first line with this event, or that fits, from the line `after` on: printed already or still to come. */
  waitForLog(wanted: string | ((line: LogLine) => boolean), withinMs = WAIT_MS, after = 0): Promise<LogLine> {
    const predicate = typeof wanted === "string" ? (line: LogLine) => line.event === wanted : wanted;
    return this.#log.waitFor(predicate, { withinMs, after, what: `a log line where ${wanted}` });
  }

  /** The first match in what was and will be printed on stderr. */
  async waitForStderr(pattern: RegExp, withinMs = WAIT_MS): Promise<RegExpMatchArray> {
    const match = () => this.stderr.match(pattern);
    return (await eventually(match, (found) => found !== null, {
      withinMs,
      what: `${pattern} on stderr`,
    })) as RegExpMatchArray;
  }

  signal(name: NodeJS.Signals): void {
    if (DEADLY.has(name)) this.#mayEnd = true;
    process.kill(this.pid, name);
  }

  exitedWithin(withinMs: number): Promise<Exit> {
    return within(this.exited, withinMs, "the end of Holdfast", () => this.stdout + this.stderr);
  }

  /** Asks for a graceful stop and waits for it. */
  stop(withinMs = 30_000): Promise<Exit> {
    this.signal("SIGTERM");
    return this.exitedWithin(withinMs);
  }

  /** The end of the test: stops what still runs, gently at first, and looks at what was said on the way. */
  async finish(): Promise<void> {
    const endedUnasked = !this.#runs && !this.#mayEnd;
    try {
      if (this.#runs) await this.#finishRunning();
    } finally {
      await killChild(this.#child);
    }
    if (endedUnasked) throw new Error(`Holdfast ended, and nobody had asked for it:\n${this.stdout}${this.stderr}`);
    expectQuiet(this.stderr, this.#noise);
  }

  get #runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && isAlive(this.pid);
  }

  async #finishRunning(): Promise<void> {
    // A test may have left it stopped.
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    await this.exitedWithin(GENTLE_STOP_MS).catch(() => this.signal("SIGTERM"));
    await this.exitedWithin(WAIT_MS);
  }

  async #becomeReady(withinMs: number): Promise<LogLine> {
    const ended = this.#exit.then(({ code, signal }) => {
      this.#mayEnd = true;
      throw new Error(`Holdfast ended before it was ready (${code ?? signal}):\n${this.stdout}${this.stderr}`);
    });
    this.#readyLine = await Promise.race([this.waitForLog("ready", withinMs), ended]);
    return this.#readyLine;
  }

  #line(key: string): unknown {
    if (this.#readyLine === undefined) throw new Error("Holdfast has not said that it is ready");
    return this.#readyLine[key];
  }
}

/** 'close' comes when everybody who inherited the streams has closed them, 'exit' may come before they were read. */
async function exitOf(child: ChildProcess): Promise<Exit> {
  const read = once(child, "close");
  const [code, signal] = await once(child, "exit");
  await within(read, OUTPUT_MS, "the end of the output").catch(() => {});
  return { code, signal };
}

/** The body of a 200; anything else is an error. */
async function get(url: string, withinMs: number): Promise<string> {
  const outgoing = request(url, { agent: false, signal: AbortSignal.timeout(withinMs) }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}: ${body}`);
  return body;
}

function readyWorker(status: Status, slot: number): WorkerRow | undefined {
  return status.workers.find((worker) => worker.slot === slot && worker.state === "ready");
}

function urlIn(value: unknown): string {
  if (typeof value !== "string") throw new Error(`the ready line has no such URL: ${JSON.stringify(value)}`);
  return (value.includes("://") ? value : `http://${value}`).replace(/\/$/, "");
}

function expectQuiet(stderr: string, noise: RegExp | undefined): void {
  const alarming = /UnhandledPromiseRejection|Uncaught|DeprecationWarning|MaxListenersExceeded/;
  const lines = stderr.split("\n").filter((line) => alarming.test(line) && !noise?.test(line));
  if (lines.length > 0) throw new Error(`stderr holds what it must not:\n${lines.join("\n")}`);
}
