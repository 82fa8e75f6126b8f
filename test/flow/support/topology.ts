/**
 * Runs the same tests against one plain Socket.IO process and against Holdfast with three workers, a client on each: what
 * passes on both is as it is with one process.
 */
import { beforeAll, describe } from "vitest";
import { type ClientOptions, clientOn, connect, type Server, type Socket } from "./client.js";
import { eventually } from "./eventually.js";
import { type Holdfast, startHoldfast } from "./holdfast.js";
import { startPlain } from "./plain.js";
import { nsp, run } from "./remote.js";

export const WORKERS = 3;

export interface Topology {
  /** How many Socket.IO servers there are: the workers. */
  readonly servers: number;
  /** A client; where there are several workers, on the one of that place. */
  client(place: number, options?: ClientOptions): Promise<Socket>;
}

/** `app` is a file of test/fixtures, started once for each topology. */
export function onEveryTopology(app: string, suite: (topology: Topology) => void): void {
  describe("one process", () => {
    let server: Server;
    beforeAll(async () => {
      server = await startPlain(app);
    });
    suite({ servers: 1, client: (_, options) => connect(server, options) });
  });
  onThreeWorkers(app, suite);
}

/** For what one process does not have. */
export function onThreeWorkers(app: string, suite: (topology: Topology, host: () => Holdfast) => void): void {
  describe("three workers", () => {
    let host: Holdfast;
    beforeAll(async () => {
      host = await startHoldfast({ app, workers: WORKERS });
    });
    const client: Topology["client"] = (place, options) => clientOn(host, place % WORKERS, options);
    suite({ servers: WORKERS, client }, () => host);
  });
}

/** One client on each worker, or as many in the one process; and nobody else in their namespace. */
export async function clientOnEach(topology: Topology, options?: ClientOptions): Promise<[Socket, Socket, Socket]> {
  const places = [0, 1, 2] as const;
  const clients = await Promise.all(places.map((place) => topology.client(place, options)));
  await untilAlone(clients);
  return clients as [Socket, Socket, Socket];
}

/**
 * Waits until the clients are the only ones in their namespace: one that has been closed a moment ago may still be asked,
 * as in one process, and does not answer.
 */
export async function untilAlone(clients: readonly Socket[]): Promise<void> {
  const ids = new Set(clients.map(({ id }) => id));
  const found = () => run<{ id: string }[]>(clients[0] as Socket, nsp.fetchSockets());
  await eventually(found, (sockets) => sockets.every(({ id }) => ids.has(id)));
}
