/**
 * Clients whose connections break again and again, as on a train: each is cut off every 15 s or so, stays away for a
 * second or two, and comes back with what Socket.IO's client would say of its session. Counts what reaches them. Runs in
 * the load client.
 */
import type { JitterCommand, Jittered } from "./command.js";
import { JitterClient } from "./jitter-client.js";

const CUT_EVERY_MS = { from: 10_000, to: 20_000 };
const AWAY_MS = { from: 1_000, to: 2_000 };
const CONNECT_AT_ONCE = 8;
const TEXT_BYTES = 100;
/** For what was sent last, and for those who are away when it ends. */
const LATE_BY_MS = 30_000;
const POLL_MS = 100;

export async function jitter({ url, clients: count, ratePerSecond, forMs }: JitterCommand): Promise<Jittered> {
  const clients = Array.from({ length: count }, () => new JitterClient(url));
  await connectAll(clients);
  const messages = Math.round((ratePerSecond * forMs) / 1_000);
  const emitters = onePerWorker(clients);
  const share = Math.floor(messages / emitters.length);
  for (const [i, emitter] of emitters.entries()) {
    const pace = { ratePerSecond: ratePerSecond / emitters.length, burst: 1, count: share, textBytes: TEXT_BYTES };
    emitter.emit("load", { ...pace, delayMs: (i * 1_000) / ratePerSecond });
  }
  const timers = clients.map((client) => cutAgainAndAgain(client, Math.random() * CUT_EVERY_MS.from));
  await pause(forMs + 1_000);
  for (const stop of timers) stop();
  const sent = share * emitters.length;
  await untilAllHave(sent, clients);
  const result = resultOf(sent, clients);
  for (const client of clients) client.close();
  return result;
}

async function connectAll(clients: readonly JitterClient[]): Promise<void> {
  let next = 0;
  const inTurn = async () => {
    while (next < clients.length) await (clients[next++] as JitterClient).connect();
  };
  await Promise.all(Array.from({ length: CONNECT_AT_ONCE }, inTurn));
}

function onePerWorker(clients: readonly JitterClient[]): JitterClient[] {
  const bySlot = new Map(clients.map((client) => [client.slot, client]));
  return [...bySlot.values()];
}

/** Returns what ends it. A client that is away then still comes back. */
function cutAgainAndAgain(client: JitterClient, firstMs: number): () => void {
  let timer = setTimeout(cut, firstMs);
  let isOver = false;
  async function cut(): Promise<void> {
    client.cut();
    await pause(between(AWAY_MS));
    await client.connect();
    if (!isOver) timer = setTimeout(cut, between(CUT_EVERY_MS));
  }
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

async function untilAllHave(sent: number, clients: readonly JitterClient[]): Promise<void> {
  const deadline = performance.now() + LATE_BY_MS;
  while (performance.now() < deadline && clients.some(({ received }) => received < sent)) await pause(POLL_MS);
}

function resultOf(sent: number, clients: readonly JitterClient[]): Jittered {
  const sum = (of: (client: JitterClient) => number) => clients.reduce((total, client) => total + of(client), 0);
  return {
    due: sent * clients.length,
    received: sum(({ received }) => received),
    twice: sum(({ twice }) => twice),
    cuts: sum(({ cuts }) => cuts),
    recovered: sum(({ recovered }) => recovered),
    failedConnects: sum(({ failed }) => failed),
  };
}

function between({ from, to }: { from: number; to: number }): number {
  return from + Math.random() * (to - from);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
