/**
 * Sessions that poll, each with a kept-alive connection of its own, and requests for one session on the connection of
 * another: what a load balancer that is not sticky makes of them. Runs in the load client.
 */
import { Agent, request } from "node:http";
import type { ExchangeCommand, Latency, PollCommand, Polling } from "./command.js";
import { CONNECT, ENGINE_PING, ENGINE_PONG, HELLO } from "./frames.js";
import { LatencyRecord, monotonicUs } from "./latency-record.js";

/** What a session's id begins with, where it names its worker. */
const WORKER_CHARS = 8;
const PATH = "/socket.io/?EIO=4&transport=polling";
const JOIN = '420["join","room"]';
const JOINED = "430[]";
const SEPARATOR = "\x1e";
const TICK_MS = 2;

export class Pollers {
  readonly #pollers: Poller[] = [];

  async open({ url, sessions }: PollCommand): Promise<Polling> {
    for (let i = 0; i < sessions; i++) this.#pollers.push(await openPoller(url));
    return { workers: this.#pollers.map(({ sessionId }) => sessionId.slice(0, WORKER_CHARS)) };
  }

  /** What is due by the clock, one pair after the other; a pair that is not done yet does it later. */
  exchange({ pairs, ratePerSecond, count }: ExchangeCommand): Promise<Latency> {
    const latency = new LatencyRecord();
    const lines = pairs.map(() => Promise.resolve());
    const startedUs = monotonicUs();
    let begun = 0;
    return new Promise((resolve, reject) => {
      const timer = setInterval(() => {
        const due = Math.min(count, Math.floor(((monotonicUs() - startedUs) * ratePerSecond) / 1e6));
        for (; begun < due; begun++) {
          const at = begun % pairs.length;
          const [carrier, session] = (pairs[at] as readonly [number, number]).map((i) => this.#pollers[i] as Poller);
          lines[at] = (lines[at] as Promise<void>).then(() =>
            exchangeOnce(carrier as Poller, session as Poller, latency),
          );
        }
        if (begun < count) return;
        clearInterval(timer);
        Promise.all(lines).then(() => resolve(latency.summary), reject);
      }, TICK_MS);
    });
  }
}

interface Poller {
  readonly url: string;
  readonly agent: Agent;
  readonly sessionId: string;
}

async function openPoller(url: string): Promise<Poller> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const handshake = await ask(agent, "GET", url + PATH);
  const { sid } = JSON.parse(handshake.slice(1)) as { sid: string };
  const poller = { url, agent, sessionId: sid };
  await send(poller, poller, CONNECT);
  await pollFor(poller, poller, HELLO);
  return poller;
}

/** Two requests for the session, on the carrier's connection. */
async function exchangeOnce(carrier: Poller, session: Poller, latency: LatencyRecord): Promise<void> {
  const startedUs = monotonicUs();
  await send(carrier, session, JOIN);
  await pollFor(carrier, session, JOINED);
  latency.since(startedUs);
}

async function pollFor(carrier: Poller, session: Poller, wanted: string): Promise<void> {
  for (;;) {
    const packets = (await ask(carrier.agent, "GET", urlOf(carrier, session))).split(SEPARATOR);
    if (packets.includes(ENGINE_PING)) await send(carrier, session, ENGINE_PONG);
    if (packets.some((packet) => packet.startsWith(wanted))) return;
  }
}

async function send(carrier: Poller, session: Poller, packet: string): Promise<void> {
  await ask(carrier.agent, "POST", urlOf(carrier, session), packet);
}

function urlOf(carrier: Poller, { sessionId }: Poller): string {
  return `${carrier.url}${PATH}&sid=${sessionId}`;
}

/** A browser's headers, about. */
const HEADERS = {
  Accept: "*/*",
  "Accept-Language": "en-US,en;q=0.5",
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
};

function ask(agent: Agent, method: "GET" | "POST", url: string, body?: string): Promise<string> {
  const headers = { ...HEADERS, ...(body && { "Content-Type": "text/plain;charset=UTF-8" }) };
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${method} ${url} was answered with ${response.statusCode}: ${text}`));
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
