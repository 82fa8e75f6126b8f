/**
 * A TCP proxy that misbehaves on demand: slices, delays, swallows, cuts and resets, in either direction and at any time.
 * No privileges, and the same every time: what is random has a seed.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket, type Server as TcpServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { onCleanup } from "./cleanup.js";
import type { Server } from "./client.js";
import { writeSegment } from "./segment.js";

/** `up` is what the client says to the server. */
export type Direction = "up" | "down" | "both";

interface Fault {
  /** Pieces of at most this many bytes, each written on its own. */
  sliceBytes?: number;
  random?: () => number;
  delayMs?: number;
  swallow?: boolean;
  /** Bytes that still pass before the connection is reset. Counted over all connections. */
  bytesLeft?: number;
}

export async function startProxy(server: Server): Promise<FaultProxy> {
  const proxy = new FaultProxy(server);
  onCleanup(() => proxy.close());
  await proxy.accept();
  return proxy;
}

export class FaultProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #faults: { up: Fault; down: Fault } = { up: {}, down: {} };
  readonly #bytes = { up: 0, down: 0 };
  #listener: TcpServer | undefined;
  #port = 0;

  /** The URL is read for each connection: a server may answer another one each time. */
  constructor(server: Server) {
    this.#server = server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  get bytesUp(): number {
    return this.#bytes.up;
  }

  get bytesDown(): number {
    return this.#bytes.down;
  }

  /** With a seed each piece has a random size of 1 to `maxBytes`, else all have `maxBytes`. */
  slice(maxBytes: number, { direction = "both", seed }: { direction?: Direction; seed?: number } = {}): void {
    const random = seed === undefined ? {} : { random: randomOf(seed) };
    this.#set(direction, { sliceBytes: maxBytes, ...random });
  }

  delay(ms: number, direction: Direction = "both"): void {
    this.#set(direction, { delayMs: ms });
  }

  /** Goes on reading and passes nothing on: silence, not an end. What it has read is lost. */
  blackHole(direction: Direction = "both"): void {
    this.#set(direction, { swallow: true });
  }

  /** One connection alone falls silent, in both directions and for good: the one that the server sees come from `port`. */
  blackHoleOne(port: number): void {
    const pair = this.#pairFrom(port);
    if (pair === undefined) throw new Error(`no connection from port ${port}`);
    pair.swallows = true;
  }

  /** The same for one of the connections that are open now, counted from the oldest. */
  blackHoleNth(index: number): void {
    const pair = [...this.#pairs][index];
    if (!pair) throw new Error(`the proxy has ${this.#pairs.size} connections, none has the index ${index}`);
    pair.swallows = true;
  }

  hasConnectionFrom(port: number): boolean {
    return this.#pairFrom(port) !== undefined;
  }

  /** Passes that many bytes more, then resets the connection it stopped on, and every later one at its next byte. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#set(direction, { bytesLeft: bytes });
  }

  /** No fault any more, for connections open and new. */
  heal(): void {
    this.#faults.up = {};
    this.#faults.down = {};
  }

  /** Both sides of every connection get an RST. */
  resetAll(): void {
    for (const pair of this.#pairs) pair.reset();
  }

  /** Both sides of every connection get a FIN. */
  closeAll(): void {
    for (const pair of this.#pairs) pair.end();
  }

  /** New connections are refused from now on; open ones stay. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  async accept(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#take(client));
    this.#listener = server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  close(): void {
    this.refuse();
    this.resetAll();
  }

  #pairFrom(port: number): Pair | undefined {
    return [...this.#pairs].find(({ serverPort }) => serverPort === port);
  }

  #set(direction: Direction, fault: Fault): void {
    if (direction !== "down") this.#faults.up = { ...this.#faults.up, ...fault };
    if (direction !== "up") this.#faults.down = { ...this.#faults.down, ...fault };
  }

  #take(client: Socket): void {
    const { hostname, port } = new URL(this.#server.url);
    const server = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    const pair = new Pair(client, server);
    this.#pairs.add(pair);
    void pair.closed.then(() => this.#pairs.delete(pair));
    server.once("connect", () => {
      this.#carry("up", client, server, pair);
      this.#carry("down", server, client, pair);
    });
  }

  /** Carries one direction in order: a chunk is passed on before the next is read, which is also the back-pressure. */
  #carry(direction: "up" | "down", from: Socket, to: Socket, pair: Pair): void {
    const carry = async () => {
      // Without the option the end of one direction would destroy both.
      for await (const chunk of from.iterator({ destroyOnReturn: false })) await this.#pass(direction, chunk, to, pair);
      to.end();
    };
    carry().catch(() => pair.reset());
  }

  async #pass(direction: "up" | "down", chunk: Buffer, to: Socket, pair: Pair): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      const { delayMs, swallow, sliceBytes, bytesLeft } = this.#faults[direction];
      if (delayMs) await pause(delayMs);
      if (swallow || pair.swallows) return;
      const piece = rest.subarray(0, this.#pieceBytes(direction, rest.length));
      if (piece.length === 0) return pair.reset();
      rest = rest.subarray(piece.length);
      this.#bytes[direction] += piece.length;
      // A reset that overtakes the bytes before it, or comes with them, is not seen as one.
      const apart = sliceBytes !== undefined || bytesLeft !== undefined;
      await (apart ? writeSegment(to, piece) : writeAll(to, piece));
    }
  }

  /** How much passes at once; 0 is a cut. */
  #pieceBytes(direction: "up" | "down", available: number): number {
    const fault = this.#faults[direction];
    const { sliceBytes = available, random, bytesLeft = available } = fault;
    const slice = random ? 1 + Math.floor(random() * sliceBytes) : sliceBytes;
    const bytes = Math.min(slice, available, bytesLeft);
    if (fault.bytesLeft !== undefined) fault.bytesLeft -= bytes;
    return bytes;
  }
}

async function writeAll(to: Socket, bytes: Buffer): Promise<void> {
  if (!to.write(bytes)) await once(to, "drain");
}

/** The two sockets of one connection through the proxy: they end together. */
class Pair {
  readonly closed: Promise<unknown>;
  swallows = false;
  readonly #sockets: readonly [client: Socket, server: Socket];

  constructor(client: Socket, server: Socket) {
    this.#sockets = [client, server];
    for (const socket of this.#sockets) socket.on("error", () => this.reset());
    this.closed = Promise.all(this.#sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  }

  /** By which the server knows this connection. */
  get serverPort(): number | undefined {
    return this.#sockets[1].localPort;
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroySoon();
  }
}

/** Park and Miller's generator: 0 to 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = (Math.abs(seed) % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
