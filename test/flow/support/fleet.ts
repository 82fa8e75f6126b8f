/**
 * Many clients that reconnect as real ones do, each with a log of what happened to it. On one machine there is one
 * monotonic clock, so the logs of all members and the test's own times compare.
 */
import { connect, ownerOfClient, type Server, type Socket, sessionIdOfClient, type Transport } from "./client.js";
import { eventually } from "./eventually.js";

const CONNECT_MS = 30_000;
/** So many connect at once; the rest waits, as clients of a site come one after another. */
const AT_ONCE = 50;
/** Faster than the client's default of 1 to 5 s, so that a test does not wait for the client's patience. */
const RECONNECT = { reconnection: true, reconnectionDelay: 100, reconnectionDelayMax: 500 };

export type FleetLogEntry =
  | {
      readonly what: "connect";
      readonly atMs: number;
      readonly sid: string;
      readonly slot: number;
      readonly recovered: boolean;
    }
  | { readonly what: "disconnect"; readonly atMs: number; readonly reason: string }
  | { readonly what: "error"; readonly atMs: number; readonly reason: string };

export class FleetMember {
  readonly socket: Socket;
  readonly transport: Transport;
  readonly log: FleetLogEntry[] = [];

  constructor(socket: Socket, transport: Transport) {
    this.socket = socket;
    this.transport = transport;
    this.#noteConnect();
    socket.on("connect", () => this.#noteConnect());
    socket.on("disconnect", (reason) => this.log.push({ what: "disconnect", atMs: performance.now(), reason }));
    socket.on("connect_error", (error) =>
      this.log.push({ what: "error", atMs: performance.now(), reason: error.message }),
    );
  }

  /** Where its session is, or was last. */
  get slot(): number {
    const last = this.log.findLast((entry) => entry.what === "connect");
    return last?.what === "connect" ? last.slot : -1;
  }

  get disconnects(): number {
    return this.log.filter(({ what }) => what === "disconnect").length;
  }

  #noteConnect(): void {
    const { socket } = this;
    const { slot } = ownerOfClient(socket);
    const entry = { what: "connect", atMs: performance.now(), sid: sessionIdOfClient(socket), slot } as const;
    this.log.push({ ...entry, recovered: socket.recovered });
  }
}

export class Fleet {
  readonly members: readonly FleetMember[];

  constructor(members: readonly FleetMember[]) {
    this.members = members;
  }

  /** The members whose session is, or was last, in that worker. */
  on(slot: number): FleetMember[] {
    return this.members.filter((member) => member.slot === slot);
  }

  /** Waits until all are connected, also those that a fault has thrown out. */
  async allConnected(withinMs = CONNECT_MS): Promise<void> {
    const away = () => this.members.filter(({ socket }) => !socket.connected);
    await eventually(
      () => away().length,
      (count) => count === 0,
      { withinMs, what: "every member of the fleet connected; these are away" },
    );
  }

  disconnects(): number {
    return this.members.reduce((sum, member) => sum + member.disconnects, 0);
  }
}

export type FleetSizes = Partial<Record<Transport, number>>;

/** Resolves when every member is connected. */
export async function startFleet(server: Server, sizes: FleetSizes): Promise<Fleet> {
  const transports = Object.entries(sizes).flatMap(([transport, count]) =>
    Array.from({ length: count }, () => transport as Transport),
  );
  const members: FleetMember[] = [];
  for (let at = 0; at < transports.length; at += AT_ONCE) {
    members.push(...(await Promise.all(transports.slice(at, at + AT_ONCE).map((one) => join(server, one)))));
  }
  return new Fleet(members);
}

async function join(server: Server, transport: Transport): Promise<FleetMember> {
  return new FleetMember(await connect(server, { transport, options: RECONNECT }), transport);
}
