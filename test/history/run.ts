/**
 * Makes a history: clients that do at random what apps do, on a host that is given faults at random, at most two at once.
 * All choices come from the seed. The clients reach the host through proxies, which break their connections.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Socket } from "../flow/support/client.js";
import { eventually } from "../flow/support/eventually.js";
import { freePort } from "../flow/support/free-port.js";
import { type Holdfast, startHoldfast } from "../flow/support/holdfast.js";
import { type FaultProxy, startProxy } from "../flow/support/proxy.js";
import type { Entry, Operation, Target } from "./entry.js";
import { type Random, randomOf } from "./random.js";

export interface RunOptions {
  readonly seed: number;
  readonly forMs: number;
  readonly clients?: number;
  readonly workers?: number;
  /** Of all clients together. */
  readonly operationsPerSecond?: number;
  readonly faults?: readonly FaultName[];
  readonly args?: readonly string[];
}

export type FaultName = keyof typeof FAULTS;

const ROOMS = Array.from({ length: 8 }, (_, i) => `room ${i}`);
const ANSWER_MS = 8_000;
const QUIET_WITHIN_MS = 30_000;
const MAX_AT_ONCE = 2;

interface Client {
  readonly name: string;
  readonly socket: Socket;
  readonly rooms: Set<string>;
  /** The client itself forgets it while it is away. */
  id: string;
  connections: number;
}

interface Run {
  readonly random: Random;
  readonly history: Entry[];
  readonly clients: readonly Client[];
  readonly proxies: readonly FaultProxy[];
  readonly restart: () => Promise<void>;
  host: Holdfast;
  workers: number;
  lastId: number;
}

export async function runHistory(options: RunOptions): Promise<Entry[]> {
  const run = await begin(options);
  const { forMs, operationsPerSecond = 300, faults = ON_ONE_HOST } = options;
  const stopAt = performance.now() + forMs;
  const isOver = () => performance.now() >= stopAt;
  await Promise.all([operate(run, operationsPerSecond, isOver), breakThings(run, faults, isOver)]);
  await settle(run);
  return run.history;
}

async function begin({ seed, clients = 40, workers = 3, args = [] }: RunOptions): Promise<Run> {
  const port = await freePort();
  const start = () =>
    startHoldfast({
      app: "history.mjs",
      workers,
      args: ["--port", String(port), "--host", "127.0.0.1", "--worker-timeout", "2s", "--drain-timeout", "4s", ...args],
    });
  const host = await start();
  const proxies = await Promise.all([0, 1, 2, 3].map(() => startProxy(host)));
  const history: Entry[] = [];
  const sockets: Client[] = [];
  for (let i = 0; i < clients; i++)
    sockets.push(await startClient(history, proxies[i % proxies.length] as FaultProxy, i));
  const run: Run = {
    random: randomOf(seed),
    history,
    clients: sockets,
    proxies,
    host,
    workers,
    lastId: 0,
    restart: async () => {
      run.host = await start();
    },
  };
  for (const client of sockets) {
    for (const room of ROOMS) if (run.random.chance(0.3)) void operateOnce(run, client, { kind: "join", room });
  }
  return run;
}

async function startClient(history: Entry[], proxy: FaultProxy, index: number): Promise<Client> {
  const socket = await connect(proxy, {
    transport: index % 5 === 0 ? "polling" : "websocket",
    options: {
      reconnection: true,
      reconnectionDelay: 100,
      reconnectionDelayMax: 500,
      timeout: 5_000,
      autoConnect: true,
    },
  });
  const client: Client = { name: `client ${index}`, socket, rooms: new Set(), id: socket.id as string, connections: 1 };
  const { name } = client;
  const pid = () => (socket as unknown as { _pid: string })._pid;
  history.push({ type: "connect", client: name, pid: pid(), recovered: false });
  socket.on("connect", () => {
    client.connections++;
    client.id = socket.id as string;
    if (!socket.recovered) client.rooms.clear();
    history.push({ type: "connect", client: name, pid: pid(), recovered: socket.recovered === true });
  });
  socket.on("disconnect", (reason) => history.push({ type: "close", client: name, reason }));
  socket.on("state", ({ rooms, data }) => history.push({ type: "state", client: name, rooms, data }));
  socket.on("event", ({ id, sender, number, pad }, ...rest) => {
    const cursor = rest.at(-1) as string;
    const [binary] = rest.length > 1 ? rest : [undefined];
    const intact = binary === undefined ? pad === padOf(id) : Buffer.from(binary as Buffer).toString() === id;
    history.push({ type: "receive", client: name, connection: client.connections, id, sender, number, cursor, intact });
  });
  return client;
}

/** What an event carries is told by its id, so that what arrives can be compared. */
function padOf(id: string): string {
  const number = Number(id.slice(1));
  return id.repeat(number % 100 === 0 ? 5_000 : number % 40);
}

async function operate(run: Run, perSecond: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const client = run.random.one(run.clients);
    const operation = choose(run, client);
    if (client.socket.connected) void operateOnce(run, client, operation);
    await sleep(run.random.below(2_000 / perSecond));
  }
}

function choose({ random, clients }: Run, client: Client): Operation {
  const dice = random.below(100);
  const room = random.one(ROOMS);
  if (dice < 3) return { kind: "join", room };
  if (dice < 5) return { kind: "leave", room };
  if (dice < 7) return { kind: "joinOther", other: random.one(clients).name, room };
  if (dice < 10) return { kind: "set", key: random.one(["a", "b"]), value: random.below(1_000_000) };
  if (dice < 12) return { kind: "emit", target: {} };
  if (dice < 22) return { kind: "emit", target: { room: "self" } };
  if (dice < 27) return { kind: "emit", target: { room, except: random.one(ROOMS) } };
  return { kind: "emit", target: { room: random.one([...client.rooms, room]) } };
}

async function operateOnce(run: Run, client: Client, op: Operation): Promise<void> {
  const id = `e${run.lastId++}`;
  const request = requestOf(run, id, op);
  run.history.push({ type: "invoke", client: client.name, id, op });
  if (op.kind === "emit" && run.random.chance(0.05)) client.socket.emit("op", { kind: "volatile", id }, () => {});
  try {
    const { sender, number } = await client.socket.timeout(ANSWER_MS).emitWithAck("op", request);
    run.history.push({ type: "ok", id, sender, number });
    if (op.kind === "join") client.rooms.add(op.room);
    if (op.kind === "leave") client.rooms.delete(op.room);
  } catch {
    // Nobody can tell whether it was done.
  }
}

function requestOf(run: Run, id: string, op: Operation): object {
  switch (op.kind) {
    case "emit":
      return emitOf(run, id, op.target);
    case "joinOther":
      return {
        kind: "joinOther",
        room: op.room,
        socketId: run.clients.find(({ name }) => name === op.other)?.id,
      };
    default:
      return op;
  }
}

function emitOf({ random }: Run, id: string, { room, except }: Target): object {
  const pad = padOf(id);
  if (room === undefined) return { kind: "all", id, pad };
  if (room === "self") return { kind: "self", id, pad };
  if (except !== undefined) return { kind: "emit", id, pad, to: room, except };
  return random.chance(0.02) ? { kind: "binary", id, to: room } : { kind: "emit", id, pad, to: room };
}

async function breakThings(run: Run, names: readonly FaultName[], isOver: () => boolean): Promise<void> {
  const under = new Set<Promise<void>>();
  while (!isOver()) {
    await sleep(run.random.between(500, 3_000));
    if (names.length === 0 || isOver()) continue;
    if (under.size >= MAX_AT_ONCE) {
      await Promise.race(under);
      continue;
    }
    const name = run.random.one(names);
    const excuses = name === "killPrimary";
    run.history.push({ type: "fault", name, excuses });
    // A primary is killed alone: what else would be broken is gone with it.
    if (excuses) await Promise.all(under);
    const fault = FAULTS[name](run).finally(() => under.delete(fault));
    under.add(fault);
    if (excuses) await fault;
  }
  await Promise.all(under);
}

const FAULTS = {
  async killWorker(run: Run) {
    const victim = await someWorker(run);
    if (victim) signal(victim, "SIGKILL");
  },
  async stopWorker(run: Run) {
    const victim = await someWorker(run);
    if (victim === undefined) return;
    signal(victim, "SIGSTOP");
    await sleep(run.random.between(200, 3_500));
    signal(victim, "SIGCONT");
  },
  async stopPrimary(run: Run) {
    signal(run.host.pid, "SIGSTOP");
    await sleep(run.random.between(100, 1_500));
    signal(run.host.pid, "SIGCONT");
  },
  async killPrimary(run: Run) {
    run.host.signal("SIGKILL");
    await run.host.exited;
    await sleep(200);
    await run.restart();
  },
  async reload(run: Run) {
    run.host.signal("SIGHUP");
    await sleep(2_000);
  },
  async fewer(run: Run) {
    run.host.signal("SIGTTOU");
    await sleep(run.random.between(500, 3_000));
    run.host.signal("SIGTTIN");
    await sleep(1_000);
  },
  async drop(run: Run) {
    run.random.one(run.proxies).resetAll();
  },
  async close(run: Run) {
    run.random.one(run.proxies).closeAll();
  },
  /** Half-open: both sides find out by themselves, or the client comes back while the server still waits. */
  async swallow(run: Run) {
    const proxy = run.random.one(run.proxies);
    proxy.blackHole("both");
    await sleep(run.random.between(300, 6_000));
    proxy.resetAll();
    proxy.heal();
  },
  async slice(run: Run) {
    const proxy = run.random.one(run.proxies);
    proxy.slice(run.random.between(1, 50), { seed: run.random.below(1_000) });
    await sleep(1_000);
    proxy.heal();
  },
};

export const ON_ONE_HOST: readonly FaultName[] = [
  "killWorker",
  "killWorker",
  "killWorker",
  "stopWorker",
  "stopPrimary",
  "reload",
  "fewer",
  "drop",
  "close",
  "swallow",
  "slice",
];

async function someWorker(run: Run): Promise<number | undefined> {
  try {
    const ready = (await run.host.workers()).filter(({ state }) => state === "ready");
    return ready.length > 1 ? run.random.one(ready).pid : undefined;
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself since.
  }
}

/** No more faults: everybody comes back, and hears one last word of everybody. */
async function settle(run: Run): Promise<void> {
  const { clients, history } = run;
  for (const proxy of run.proxies) proxy.heal();
  await eventually(
    async () => clients.filter(({ socket }) => !socket.connected).length,
    (missing) => missing === 0,
    {
      withinMs: QUIET_WITHIN_MS,
      what: "everybody is connected",
    },
  ).catch(() => {});
  await run.host.waitForStatus(({ state }) => state === "ready", QUIET_WITHIN_MS).catch(() => {});
  const last = history.length;
  await Promise.all(clients.map((client) => operateOnce(run, client, { kind: "emit", target: {} })));
  const ids = history.slice(last).flatMap((entry) => (entry.type === "ok" ? [entry.id] : []));
  const isHeard = () => {
    const heard = new Map<string, number>();
    for (const entry of history.slice(last)) {
      if (entry.type === "receive" && ids.includes(entry.id))
        heard.set(entry.client, (heard.get(entry.client) ?? 0) + 1);
    }
    return clients.every(({ name }) => (heard.get(name) ?? 0) >= ids.length);
  };
  await eventually(async () => isHeard(), Boolean, {
    withinMs: QUIET_WITHIN_MS,
    what: "the last words are heard",
  }).catch(() => {});
  history.push({ type: "quiet" });
}
