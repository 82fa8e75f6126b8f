/**
 * One attempt to reach a Socket.IO server, judged as a client would feel it: what became of it is one word, never lumped
 * into "failed". An attempt is `ok` when Socket.IO itself has answered CONNECT.
 */
import { type IncomingMessage, request } from "node:http";
import { request as requestSecurely } from "node:https";
import { WebSocket } from "ws";
import type { Server } from "./client.js";
import { handshakeTarget, openRaw, websocketHead, websocketTarget } from "./raw.js";

const ATTEMPT_MS = 5_000;
/** Engine.IO's message with Socket.IO's CONNECT, and the head of the answer. */
const CONNECT_PACKET = "40";
const CONNECTED = "40{";

export type Outcome = "ok" | "refused" | "reset" | "timeout" | "http_4xx" | "http_5xx" | "write_error" | "unexpected";

export interface Attempt {
  readonly outcome: Outcome;
  readonly ms: number;
  /** Engine.IO's, when the attempt got that far. */
  readonly sid?: string;
  readonly detail?: string;
}

/** `raw` is a WebSocket handshake on a bare TCP connection. */
export type Probe = "websocket" | "polling" | "raw";

export async function attempt(server: Server, probe: Probe = "websocket", withinMs = ATTEMPT_MS): Promise<Attempt> {
  const startedAt = performance.now();
  const result = await judged(probes[probe], server, AbortSignal.timeout(withinMs));
  return { ...result, ms: performance.now() - startedAt };
}

/** How many attempts there were of each outcome. */
export function tally(attempts: readonly Attempt[]): Partial<Record<Outcome, number>> {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const { outcome } of attempts) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

type Reach = (server: Server, signal: AbortSignal) => Promise<string>;

/** Each gives the session id once CONNECT was answered, and throws otherwise. */
const probes: Readonly<Record<Probe, Reach>> = {
  websocket: reachByWebSocket,
  polling: reachByPolling,
  raw: reachByBytes,
};

/** The server answered, with a status that is not the wanted one. */
class StatusError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

async function judged(reach: Reach, server: Server, signal: AbortSignal): Promise<Omit<Attempt, "ms">> {
  const expired = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  try {
    return { outcome: "ok", sid: await Promise.race([reach(server, signal), expired]) };
  } catch (error) {
    return { outcome: outcomeOf(error, signal), detail: String(error) };
  }
}

function outcomeOf(error: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted) return "timeout";
  if (error instanceof StatusError) return error.status < 500 ? "http_4xx" : "http_5xx";
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return byCode[code] ?? "unexpected";
}

const byCode: Readonly<Record<string, Outcome>> = {
  ECONNREFUSED: "refused",
  ENOENT: "refused",
  ECONNRESET: "reset",
  EPIPE: "write_error",
};

function reachByWebSocket({ url, ca }: Server, signal: AbortSignal): Promise<string> {
  const socket = new WebSocket(url.replace(/^http/, "ws") + websocketTarget, ca === undefined ? {} : { ca });
  signal.addEventListener("abort", () => socket.terminate(), { once: true });
  let sid = "";
  const reached = new Promise<string>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("unexpected-response", (_, response: IncomingMessage) =>
      reject(new StatusError(response.statusCode ?? 0)),
    );
    socket.on("close", (code) =>
      reject(Object.assign(new Error(`closed with ${code}`), code === 1006 ? { code: "ECONNRESET" } : {})),
    );
    socket.on("message", (data) => {
      const packet = String(data);
      if (packet.startsWith("0")) {
        sid = JSON.parse(packet.slice(1)).sid;
        socket.send(CONNECT_PACKET);
      } else if (packet.startsWith(CONNECTED)) resolve(sid);
    });
  });
  return reached.finally(() => socket.terminate());
}

/** Its requests each have a connection of their own, as those of a browser behind a balancer may. */
async function reachByPolling(server: Server, signal: AbortSignal): Promise<string> {
  const { sid } = JSON.parse((await exchange(server, handshakeTarget, signal)).slice(1));
  const session = `${handshakeTarget}&sid=${sid}`;
  await exchange(server, session, signal, CONNECT_PACKET);
  const answer = await exchange(server, session, signal);
  if (!answer.includes(CONNECTED)) throw new Error(`CONNECT was answered by ${answer}`);
  await exchange(server, session, signal, "1");
  return sid;
}

function exchange({ url, ca }: Server, target: string, signal: AbortSignal, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const ask = url.startsWith("https:") ? requestSecurely : request;
    const outgoing = ask(url + target, { method, agent: false, signal, ca }, (response) => {
      if (response.statusCode !== 200) reject(new StatusError(response.statusCode ?? 0));
      response.setEncoding("utf8").on("error", reject);
      response.toArray().then((chunks) => resolve(chunks.join("")), reject);
    });
    outgoing.on("error", reject).end(body);
  });
}

async function reachByBytes(server: Server, signal: AbortSignal): Promise<string> {
  const connection = await openRaw(server);
  signal.addEventListener("abort", () => connection.reset(), { once: true });
  try {
    connection.write(websocketHead());
    const { status } = await connection.response();
    if (status !== 101) throw new StatusError(status);
    const opening = (await connection.bytesUntil('"maxPayload"')).toString("latin1");
    connection.write(maskedText(CONNECT_PACKET));
    await connection.bytesUntil(CONNECTED);
    return /"sid":"([^"]+)"/.exec(opening)?.[1] ?? "";
  } finally {
    connection.reset();
  }
}

/** A WebSocket text frame of a client, with a mask of zeros. */
function maskedText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
