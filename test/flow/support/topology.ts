/**
 * Runs the same tests against one plain Socket.IO process, against Holdfast with three workers, and against several hosts
 * joined by Redis, a client on each of three places: what passes on all of them is as it is with one process.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { type ClientOptions, clientOn, connect, type Server, type Socket } from "./client.js";
import { eventually } from "./eventually.js";
import { type Holdfast, startHoldfast } from "./holdfast.js";
import { startPlain } from "./plain.js";
import { type PlainMember, type RedisMode, startPlainMember } from "./plain-member.js";
import { startRedis } from "./redis.js";
import { io, nsp, run } from "./remote.js";

/** Several hosts boot at a time. */
const READY_MS = 50_000;

export type Place = 0 | 1 | 2;
const PLACES = [0, 1, 2] as const;

export interface Topology {
  /** How many Socket.IO servers there are: the workers, and plain servers. */
  readonly servers: number;
  /** The slots of all servers, as their apps know them: those of the three places come first. */
  readonly slots: readonly number[];
  /** Set when there are hosts, joined by Redis. */
  readonly mode: RedisMode | undefined;
  /** The wire on which a server of place 2 meets the others when it is a plain one, which can do less. */
  readonly plain: RedisMode | undefined;
  /** Whether all three are plain servers with redis-adapter: what even those cannot do among themselves. */
  readonly allPlain: boolean;
  /** A client; where there are several servers, on the one of that place. */
  client(place: number, options?: ClientOptions): Promise<Socket>;
  /** Resolves when no host waits for an answer any more. */
  settled(): Promise<void>;
}

export interface SuiteOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What every client needs to be understood. */
  readonly clientOptions?: ClientOptions;
}

type Suite = (topology: Topology) => void;

/** `app` is a file of test/fixtures, started once for each topology. */
export function onEveryTopology(app: string, suite: Suite, options: SuiteOptions = {}): void {
  describe("one process", () => {
    let server: Server;
    beforeAll(async () => {
      server = await startPlain(app);
    });
    suite({ ...ONE, client: (_, given) => connect(server, given) });
  });
  onManyServers(app, suite, options);
}

/** For what one process does not have. */
export function onManyServers(app: string, suite: Suite, options: SuiteOptions = {}): void {
  onThreeWorkers(app, suite, options);
  for (const mode of ["classic", "sharded"] as const) {
    if (isWanted("hosts", mode)) onTwoHosts(app, mode, suite, options);
    if (isWanted("company", mode)) onTwoHostsAndPlain(app, mode, suite, options);
    if (isWanted("plain", mode)) onThreePlain(app, mode, suite, options);
  }
}

/** For what only workers of one host have. */
export function onThreeWorkers(
  app: string,
  suite: (topology: Topology, host: () => Holdfast) => void,
  { env = {} }: SuiteOptions = {},
): void {
  describe("three workers", () => {
    let host: Holdfast;
    beforeAll(async () => {
      host = await startHoldfast({ app, workers: 3, env });
    });
    const topology: Topology = {
      ...ONE,
      servers: 3,
      slots: [0, 1, 2],
      client: (place, given) => clientOn(host, place, given),
      settled: () => settled(host),
    };
    suite(topology, () => host);
  });
}

const ONE: Omit<Topology, "client"> = {
  servers: 1,
  slots: [0],
  mode: undefined,
  plain: undefined,
  allPlain: false,
  settled: async () => {},
};

/**
 * Each wire and each company once: what two hosts say to each other is the same beside a plain server. `npm run test:hosts`
 * runs all, and `TOPOLOGIES=plain,hosts-sharded` chooses.
 */
const USUAL = ["hosts-sharded", "company-classic"];

function isWanted(kind: "hosts" | "company" | "plain", mode: RedisMode): boolean {
  const chosen = process.env.TOPOLOGIES?.split(",") ?? USUAL;
  return chosen.includes(kind) || chosen.includes(`${kind}-${mode}`);
}

/** Places 0 and 2 are workers of one host, 1 is one of the other: what crosses a host's border and what does not. */
function onTwoHosts(app: string, mode: RedisMode, suite: Suite, options: SuiteOptions): void {
  describe(`two hosts, ${mode}`, () => {
    const hosts: Holdfast[] = [];
    const sites: readonly Site[] = [
      (given) => clientOn(hosts[0] as Holdfast, 0, given),
      (given) => clientOn(hosts[1] as Holdfast, 0, given),
      (given) => clientOn(hosts[0] as Holdfast, 1, given),
    ];
    const topology = { ...overRedis(mode, sites), servers: 4, slots: [0, 0, 1, 1], settled: () => settled(...hosts) };
    beforeAll(async () => {
      hosts.push(...(await startHosts(app, mode, (await startRedis()).url, options)));
      await untilJoined(topology, options);
    });
    afterAll(() => stopAll(hosts));
    suite(topology);
  });
}

/** Place 2 is the plain server. */
function onTwoHostsAndPlain(app: string, mode: RedisMode, suite: Suite, options: SuiteOptions): void {
  describe(`two hosts and a plain server, ${mode}`, () => {
    const hosts: Holdfast[] = [];
    let plain: PlainMember;
    const sites: readonly Site[] = [
      (given) => clientOn(hosts[0] as Holdfast, 0, given),
      (given) => clientOn(hosts[1] as Holdfast, 0, given),
      (given) => connect(plain, given),
    ];
    const topology = {
      ...overRedis(mode, sites),
      servers: 5,
      slots: [0, 0, 2, 1, 1],
      plain: mode,
      settled: () => settled(...hosts),
    };
    beforeAll(async () => {
      const { url } = await startRedis();
      plain = await startPlainMember({ app, slot: 2, mode, redis: [url], ...options });
      hosts.push(...(await startHosts(app, mode, url, options)));
      await untilJoined(topology, options);
    });
    afterAll(() => Promise.all([stopAll(hosts), plain?.stop()]));
    suite(topology);
  });
}

/** The oracle: run by hand, it tells what redis-adapter itself cannot do. */
function onThreePlain(app: string, mode: RedisMode, suite: Suite, options: SuiteOptions): void {
  describe(`three plain servers, ${mode}`, () => {
    let members: readonly PlainMember[];
    const sites = PLACES.map(
      (place): Site =>
        (given) =>
          connect(members[place] as PlainMember, given),
    );
    const topology = { ...overRedis(mode, sites), servers: 3, slots: [0, 1, 2], plain: mode, allPlain: true };
    beforeAll(async () => {
      const { url } = await startRedis();
      const start = (slot: number) => startPlainMember({ app, slot, mode, redis: [url], ...options });
      members = await Promise.all(PLACES.map(start));
      await untilJoined(topology, options);
    });
    afterAll(() => stopAll(members));
    suite(topology);
  });
}

type Site = (options?: ClientOptions) => Promise<Socket>;

function overRedis(mode: RedisMode, sites: readonly Site[]): Omit<Topology, "servers" | "slots"> {
  return { ...ONE, mode, client: (place, options) => (sites[place] as Site)(options) };
}

function startHosts(app: string, mode: RedisMode, url: string, { env = {} }: SuiteOptions): Promise<Holdfast[]> {
  const args = ["--redis", url, "--redis-mode", mode];
  return Promise.all([0, 1].map(() => startHoldfast({ app, workers: 2, args, env, readyWithinMs: READY_MS })));
}

/** Every server counts all of them: a message that is sent now arrives everywhere. */
async function untilJoined(topology: Topology, { clientOptions }: SuiteOptions): Promise<void> {
  for (const place of PLACES) {
    const client = await topology.client(place, clientOptions);
    const count = () => run<number>(client, io.of("/").adapter.serverCount());
    await eventually(count, (servers) => servers === countedAt(place, topology), { withinMs: 15_000 });
    client.disconnect();
  }
}

/** A plain server takes a host for one node, whatever its workers. */
export function countedAt(place: Place, { allPlain, plain, servers }: Topology): number {
  return plain !== undefined && !allPlain && place === 2 ? 3 : servers;
}

async function settled(...hosts: readonly Holdfast[]): Promise<void> {
  for (const host of hosts) await host.waitForStatus(({ counters }) => counters.switchRequests === 0);
}

/** The next topology has the machine for itself. */
async function stopAll(started: readonly { stop(): Promise<unknown> }[]): Promise<void> {
  await Promise.all(started.map((one) => one.stop()));
}

/** The slots of all servers but the one of that place, sorted: what they answer. */
export function slotsBeside(place: Place, topology: Topology): readonly number[] {
  return topology.slots.filter((_, i) => i !== place).sort();
}

/** One client on each place, or as many in the one process; and nobody else in their namespace. */
export async function clientOnEach(topology: Topology, options?: ClientOptions): Promise<[Socket, Socket, Socket]> {
  const clients = await Promise.all(PLACES.map((place) => topology.client(place, options)));
  await untilAlone(clients);
  return clients as [Socket, Socket, Socket];
}

/**
 * Waits until the clients are the only ones in their namespace, and found by each other's servers: one that has been
 * closed a moment ago may still be asked, as in one process, and does not answer; a server that has just opened the
 * namespace may not be known to the others yet.
 */
export async function untilAlone(clients: readonly Socket[]): Promise<void> {
  const ids = new Set(clients.map(({ id }) => id));
  const found = () => run<{ id: string }[]>(clients[0] as Socket, nsp.fetchSockets());
  await eventually(found, (sockets) => sockets.length === ids.size && sockets.every(({ id }) => ids.has(id)));
}
