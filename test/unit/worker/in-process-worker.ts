/** The HTTP side of a worker in the test's own process: its server, engine and private socket, behind a port. */
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, type ServerOptions } from "socket.io";
import { createHostTag, createSessionId, type HostTag, type SessionOwner } from "../../../src/protocol/session-id.js";
import { EngineRouter } from "../../../src/worker/engine-router.js";
import { Forwarder } from "../../../src/worker/forward.js";
import { HostHop } from "../../../src/worker/host-hop.js";
import { type ServerLimits, WorkerServer } from "../../../src/worker/http-server.js";
import { onCleanup } from "../../flow/support/cleanup.js";

export interface InProcessWorker {
  /** Of the port that stands for the acceptor. */
  readonly url: string;
  readonly self: SessionOwner;
  readonly io: Server;
  readonly server: WorkerServer;
  readonly forwarder: Forwarder;
  readonly hosts: HostHop;
  /** How many requests claimed to be a host's and were not. */
  readonly refused: () => number;
  readonly warnings: string[];
  readonly privatePath: string;
  /** An id that this worker would give, of no session. */
  newSessionId(): string;
  /** As when its process is killed: connections and private socket are gone. */
  kill(): void;
}

export interface WorkerOptions {
  /** Absent: all are of one host. */
  readonly host?: HostTag;
  readonly limits?: Partial<ServerLimits>;
  readonly io?: Partial<ServerOptions>;
}

const host = createHostTag();
const directory = mkdtempSync(join(tmpdir(), "holdfast-"));
let incarnation = 0;

export async function startWorker(slot: number, options: WorkerOptions = {}): Promise<InProcessWorker> {
  const self = { host: options.host ?? host, slot, incarnation: ++incarnation };
  const warnings: string[] = [];
  const limits = { headerTimeoutMs: 10_000, maxHeaderBytes: 16_384, ...options.limits };
  const server = new WorkerServer(limits, { warn: (_fields, text) => warnings.push(text) });
  const forwarder = new Forwarder(pathOf);
  let refusals = 0;
  const hosts = new HostHop(() => refusals++);
  forwarder.hosts = hosts;
  server.hosts = hosts;
  const io = new Server(options.io);
  server.engine = new EngineRouter(io, server, self, forwarder);
  io.engine.generateId = () => createSessionId(self);
  await server.listenPrivately(pathOf(self));
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  const front = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => server.inject(socket));
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  const kill = () => {
    server.closePrivately();
    front.close();
    for (const socket of sockets) socket.destroy();
  };
  onCleanup(kill);
  const { port } = front.address() as { port: number };
  const newSessionId = () => createSessionId(self);
  const privatePath = pathOf(self);
  const url = `http://127.0.0.1:${port}`;
  const refused = () => refusals;
  return { url, self, io, server, forwarder, hosts, refused, warnings, privatePath, newSessionId, kill };
}

function pathOf({ slot, incarnation }: { slot: number; incarnation: number }): string {
  return join(directory, `${slot}-${incarnation}.sock`);
}
