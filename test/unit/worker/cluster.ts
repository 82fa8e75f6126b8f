/**
 * A cluster in one process, for fast tests of the adapter: the real switch and three "workers", each a real Socket.IO server of its own behind a real link. What only processes show (the order of polls, a kill) is for
 * test/flow. A worker's clients are real ones.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, connect as connectSocket, createServer as createPipeServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server, ServerOptions, Socket as ServerSocket } from "socket.io";
import { type Socket as Client, io as connectClient } from "socket.io-client";
import { onTestFinished } from "vitest";
import { Switch } from "../../../src/primary/switch/switch.js";
import { PROTOCOL_VERSION, type UplinkMode, type WorkerMessage } from "../../../src/protocol/control.js";
import type { DropCounter } from "../../../src/worker/drop-counter.js";
import { Exchange } from "../../../src/worker/exchange.js";
import { Link } from "../../../src/worker/link.js";
import { createSocketServer } from "../../../src/worker/socket-server.js";

export interface Worker {
  readonly io: Server;
  readonly link: Link;
  readonly exchange: Exchange;
  /** Why and how often something was dropped in this worker. */
  readonly dropped: string[];
  /** What the switch told its owner of this worker's link. */
  readonly told: Told;
  connect(options?: { namespace?: string; auth?: object }): Promise<Client>;
  /** The server's side of a client that is connected here. */
  socketOf(client: Client): ServerSocket;
  /** Ends its link as its death would. */
  die(): void;
}

export interface Told {
  readonly messages: WorkerMessage[];
  readonly ends: (Error | undefined)[];
}

export interface Cluster {
  readonly hub: Switch;
  readonly workers: readonly [Worker, Worker, Worker];
}

export interface SocketPair {
  readonly ours: Socket;
  readonly theirs: Socket;
}

/** Starts it, and stops it when the test ends. */
export async function startCluster(options: Partial<ServerOptions> = {}): Promise<Cluster> {
  const hub = startSwitch();
  const start = () => startWorker(hub, options);
  return { hub, workers: [await start(), await start(), await start()] };
}

export function startSwitch(): Switch {
  const hub = new Switch();
  onTestFinished(() => hub.close());
  return hub;
}

/** Two ends of one Unix socket, as a worker's fifth stdio pipe is. */
export async function socketPair(): Promise<SocketPair> {
  const directory = mkdtempSync(join(tmpdir(), "hf-"));
  const server = createPipeServer();
  server.listen(join(directory, "s"));
  await once(server, "listening");
  const ours = connectSocket(join(directory, "s"));
  const connected = once(ours, "connect");
  const [theirs] = (await once(server, "connection")) as [Socket];
  await connected;
  void server.close();
  rmSync(directory, { recursive: true });
  onTestFinished(() => {
    ours.destroy();
    theirs.destroy();
  });
  return { ours, theirs };
}

export async function startWorker(hub: Switch, options: Partial<ServerOptions>, uplink?: UplinkMode): Promise<Worker> {
  const { ours, theirs } = await socketPair();
  const told: Told = { messages: [], ends: [] };
  hub.connect(theirs, {
    onMessage: (message) => told.messages.push(message),
    onTaken: () => {},
    onClosed: () => {},
    onExpected: () => {},
    onEnd: (error) => told.ends.push(error),
  });
  const link = new Link(ours);
  const dropped: string[] = [];
  const exchange = new Exchange(link, (reason) => dropped.push(reason), uplink);
  link.send({ type: "hello", version: PROTOCOL_VERSION });
  const http = createServer();
  const drops = { drop: (reason: string) => dropped.push(reason) } as unknown as DropCounter;
  const io = createSocketServer({ ...options, serveClient: false }, { exchange, drops, log: { warn: () => {} } });
  io.attach(http);
  exchange.enter();
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  onTestFinished(() => void io.close());
  const socketOf = ({ id }: Client) => io.sockets.sockets.get(id as string) as ServerSocket;
  return { io, link, exchange, dropped, told, connect: connectTo(http), socketOf, die: () => ours.destroy() };
}

function connectTo(http: HttpServer): Worker["connect"] {
  const { port } = http.address() as AddressInfo;
  return async ({ namespace = "/", auth = {} } = {}) => {
    const options = { transports: ["websocket"], forceNew: true, reconnection: false, auth };
    const client = connectClient(`http://127.0.0.1:${port}${namespace}`, options);
    onTestFinished(() => void client.disconnect());
    await new Promise<void>((resolve, reject) => {
      client.once("connect", resolve);
      client.once("connect_error", reject);
    });
    return client;
  };
}
