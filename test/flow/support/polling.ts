/** A polling session by hand: the requests that a client would make, one at a time, on whatever connection. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { onCleanup } from "./cleanup.js";
import type { Server } from "./client.js";
import { handshakeTarget, head, openRaw, type RawConnection, type RawResponse, websocketTarget } from "./raw.js";

export const UNKNOWN_SESSION = '{"code":1,"message":"Session ID unknown"}';

/** Engine.IO's answer to a handshake gives the session id. */
export async function handshake(connection: RawConnection): Promise<string> {
  connection.write(head(`GET ${handshakeTarget} HTTP/1.1`));
  const { status, body } = await connection.response();
  if (status !== 200) throw new Error(`the handshake was answered ${status}: ${body}`);
  return JSON.parse(String(body).slice(1)).sid;
}

/** A session whose first request had a connection of its own. */
export async function openSession(server: Server): Promise<string> {
  const connection = await openRaw(server);
  const sid = await handshake(connection);
  connection.halfClose();
  return sid;
}

export function sessionTarget(sid: string): string {
  return `${handshakeTarget}&sid=${sid}`;
}

export function pollHead(sid: string): string {
  return head(`GET ${sessionTarget(sid)} HTTP/1.1`);
}

export function postHead(sid: string, bytes: number): string {
  return head(`POST ${sessionTarget(sid)} HTTP/1.1`, { host: "raw", "content-length": bytes });
}

export function poll(connection: RawConnection, sid: string): Promise<RawResponse> {
  connection.write(pollHead(sid));
  return connection.response();
}

export function post(connection: RawConnection, sid: string, body: string): Promise<RawResponse> {
  connection.write(postHead(sid, Buffer.byteLength(body)) + body);
  return connection.response(15_000);
}

/** Upgrades the session by a WebSocket through `server`, as a client does, and connects it to the namespace `/`. */
export async function upgradeSession(server: Server, sid: string): Promise<WebSocket> {
  const webSocket = new WebSocket(`${server.url.replace("http", "ws")}${websocketTarget}&sid=${sid}`);
  onCleanup(() => webSocket.terminate());
  await once(webSocket, "open");
  const probed = await exchange(webSocket, "2probe");
  if (probed !== "3probe") throw new Error(`the probe was answered ${probed}`);
  webSocket.send("5");
  const connected = await exchange(webSocket, "40");
  if (!connected.startsWith("40")) throw new Error(`the namespace was answered ${connected}`);
  return webSocket;
}

/** Says something, and gives what comes next. */
export async function exchange(webSocket: WebSocket, text: string): Promise<string> {
  const answer = once(webSocket, "message");
  webSocket.send(text);
  return String((await answer)[0]);
}
