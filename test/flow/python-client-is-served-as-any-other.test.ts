// Debian's python-socketio, whose handlers take as many arguments as were sent and no more: nothing of recovery may show
// where it is off, nor where the client has opted out of it.
import { spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { WorkerRow } from "../../src/primary/manage/status.js";
import { spawnTracked } from "./support/cleanup.js";
import { clientOn, collect, connect } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";

const PYTHON = "/usr/bin/python3";
const PROGRAM = fileURLToPath(new URL("../fixtures/python-client.py", import.meta.url));
const WITHIN_MS = 20_000;

const isThere = spawnSync(PYTHON, ["-c", "import socketio, requests, websocket"]).status === 0;
if (!isThere)
  console.log("skipped: it needs python3-socketio, python3-requests and python3-websocket (apt-get install)");

interface Told {
  readonly joined?: string;
  readonly said?: unknown;
  readonly answer?: unknown;
  readonly disconnected?: true;
}

class PythonClient {
  readonly told: Told[] = [];
  stderr = "";
  readonly #input: Writable;

  constructor(url: string, transports: string) {
    const child = spawnTracked(PYTHON, [PROGRAM, url, transports], { stdio: ["pipe", "pipe", "pipe"] });
    this.#input = child.stdin as Writable;
    createInterface(child.stdout as Readable).on("line", (line) => this.told.push(JSON.parse(line)));
    child.stderr?.on("data", (text: Buffer) => {
      this.stderr += text.toString();
    });
  }

  do(...event: unknown[]): void {
    this.#input.write(`${JSON.stringify(event)}\n`);
  }

  async until(isTold: (told: readonly Told[]) => boolean, what: string): Promise<void> {
    const read = async () => ({ told: [...this.told], stderr: this.stderr });
    await eventually(read, ({ told }) => isTold(told), { withinMs: WITHIN_MS, what });
  }

  get said(): unknown[] {
    return this.told.flatMap((line) => ("said" in line ? [line.said] : []));
  }
}

const KINDS = [
  { kind: "recovery off", args: ["--recovery", "off"], query: "" },
  { kind: "recovery on and the client without", args: ["--recovery", "on"], query: "?recovery=0" },
];

describe.skipIf(!isThere).each(KINDS)("with $kind", ({ args, query }) => {
  const start = () => startHoldfast({ app: "recovery.mjs", workers: 2, args });
  const joined = async (host: Holdfast, transports: string) => {
    const client = new PythonClient(host.url + query, transports);
    await client.until((told) => told.some((line) => line.joined !== undefined), "it has joined");
    return client;
  };

  test.each(["polling", "websocket", "polling,websocket"])("by %s it speaks and hears, across workers", async (by) => {
    const host = await start();
    const client = await joined(host, by);
    const others = [await clientOn(host, 0), await clientOn(host, 1)];
    const heard = others.map((other) => collect(other, "said"));
    for (const other of others) await other.emitWithAck("join", ["r"]);
    for (const [i, other] of others.entries()) other.emit("say", "r", `from ${i}`);
    others[0]?.emit("say", "r", Buffer.from([1, 254]));
    client.do("say", "r", "from Python");
    for (const { untilCount } of heard) await untilCount(4, WITHIN_MS);
    client.do("call", { deep: [1, "ä"] });
    await client.until((told) => told.some((line) => "answer" in line), "it has its answer");
    expect(client.told.find((line) => "answer" in line)?.answer).toEqual({ deep: [1, "ä"] });
    await client.until(() => client.said.length === 4, "it has heard everything");
    expect(new Set(client.said)).toEqual(new Set(["from 0", "from 1", "01fe", "from Python"]));
    expect(client.stderr).toBe("");
  });

  test("it comes back by itself when its worker dies", async () => {
    const host = await start();
    const client = await joined(host, "websocket");
    const { pid } = await eventually(
      async () => (await host.workers()).find(({ sockets }) => sockets > 0) as WorkerRow,
      (worker) => worker !== undefined,
      { what: "its worker" },
    );
    process.kill(pid, "SIGKILL");
    await client.until((told) => told.filter((line) => line.joined !== undefined).length === 2, "it is back");
    const sender = await connect(host);
    sender.emit("say", "r", "again");
    await client.until(() => client.said.includes("again"), "it hears again");
    expect(client.said).toEqual(["again"]);
  });
});
