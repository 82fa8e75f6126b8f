/**
 * What a storm of new connections does to those who are connected: the latency of their echoes before it and within it,
 * without a limit and with --connect-rate. `npx tsx bench/storm.ts [connections/s] [connect-rate]`, dist/ built before.
 * Storm and probe are processes of their own; they need CPU as well, so on two cores the storm costs more than it would.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { io, type Socket } from "socket.io-client";
import { LatencyRecord, monotonicUs } from "./client/latency-record.js";

const CLIENTS = 50;
const ECHO_EVERY_MS = 50;
const PHASE_MS = 5_000;
const HEAD = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: storm\r\n\r\n";
const [rate = 5_000, limit = 200] = process.argv.slice(2).map(Number).filter(Number.isFinite);

type Job = "probe" | "storm";

const [job, url] = [process.env.STORM_JOB as Job | undefined, process.env.STORM_URL ?? ""];
if (job === "probe") await probe();
else if (job === "storm") await storm();
else for (const args of [[], ["--connect-rate", `${limit}/s`]]) await measure(args);

async function measure(args: readonly string[]): Promise<void> {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const options = ["--workers", "2", "--port", "0", "--host", "127.0.0.1", "--manage", "off", "--log-format", "json"];
  const command = [file("../dist/primary.js"), file("../test/fixtures/echo.mjs"), ...options, ...args];
  const host = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const address = await readyUrl(host);
  const prober = start("probe", address);
  await once(prober, "message");
  const quiet = await phase(prober);
  const stormer = start("storm", address);
  await once(stormer, "message");
  const stormy = await phase(prober);
  stormer.send("stop");
  const [made] = (await once(stormer, "message")) as [object];
  console.log(args.join(" ") || "no limit", JSON.stringify({ rate, quiet, stormy, made }));
  for (const child of [prober, stormer, host]) child.kill();
  await once(host, "exit");
}

function start(role: Job, address: string): ChildProcess {
  return fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
    env: { ...process.env, STORM_JOB: role, STORM_URL: address },
  });
}

async function phase(prober: ChildProcess): Promise<object> {
  prober.send("begin");
  await new Promise((resolve) => setTimeout(resolve, PHASE_MS));
  prober.send("end");
  const [summary] = (await once(prober, "message")) as [object];
  return summary;
}

async function readyUrl(host: ChildProcess): Promise<string> {
  if (!host.stdout) throw new Error("no stdout");
  for await (const line of createInterface({ input: host.stdout })) {
    const { event, url: told } = JSON.parse(line);
    if (event === "ready") return told;
  }
  throw new Error("it ended before it was ready");
}

async function probe(): Promise<void> {
  let record = new LatencyRecord();
  const clients = Array.from({ length: CLIENTS }, () => io(url, { transports: ["websocket"], reconnection: false }));
  await Promise.all(clients.map((client) => new Promise<void>((resolve) => client.on("connect", resolve))));
  const echo = (client: Socket) => {
    const startedUs = monotonicUs();
    client.emit("echo", 1, () => record.since(startedUs));
  };
  clients.forEach((client, i) => {
    setTimeout(() => setInterval(echo, ECHO_EVERY_MS, client), i);
  });
  process.on("message", (word) => {
    if (word === "begin") record = new LatencyRecord();
    else process.send?.(record.summary);
  });
  process.send?.("ready");
}

async function storm(): Promise<void> {
  const made = { begun: 0, served: 0, refused: 0, failed: 0 };
  const { hostname, port } = new URL(url);
  const begin = () => {
    made.begun++;
    const socket = connect(Number(port), hostname, () => socket.write(HEAD));
    socket.once("data", (answer: Buffer) => {
      made[answer.includes(" 200 OK", 0, "latin1") ? "served" : "refused"]++;
      socket.destroy();
    });
    socket.on("error", () => void made.failed++);
  };
  const startedMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1_000) * rate;
    while (made.begun < due) begin();
  }, 2);
  process.on("message", () => {
    clearInterval(timer);
    const seconds = (performance.now() - startedMs) / 1_000;
    process.send?.({ ...made, perSecond: Math.round(made.begun / seconds) });
  });
  process.send?.("ready");
}
