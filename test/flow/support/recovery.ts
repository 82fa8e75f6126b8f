/** Clients that lose their connection and come back, and what they have missed meanwhile. Fixture: recovery.mjs. */
import { type ClientOptions, clientOn, type Server, type Socket } from "./client.js";
import { within } from "./eventually.js";

const BACK_WITHIN_MS = 10_000;

/** Of a client that reconnects at once when its connection is lost. */
export const RECONNECTS = {
  reconnection: true,
  reconnectionDelay: 100,
  reconnectionDelayMax: 200,
  randomizationFactor: 0.5,
} as const;

export function returningClientOn(
  server: Server,
  slot: number,
  { options, ...rest }: ClientOptions = {},
): Promise<Socket> {
  return clientOn(server, slot, { ...rest, options: { ...RECONNECTS, ...options } });
}

/** Resolves when the client is connected again; call it before it loses its connection. */
export function back(client: Socket, withinMs = BACK_WITHIN_MS): Promise<boolean> {
  const connected = new Promise<boolean>((resolve) => {
    client.once("connect", () => resolve(client.recovered));
  });
  const result = within(connected, withinMs, `the return of ${client.id}`);
  result.catch(() => {});
  return result;
}

/** Has the client lose its connection; whether it has recovered once it is back. */
export function dropAndReturn(client: Socket): Promise<boolean> {
  const returned = back(client);
  drop(client);
  return returned;
}

/** Has the client lose its connection, and come back when `action` is done; whether it has recovered. */
export async function whileAway(client: Socket, action: () => Promise<unknown>): Promise<boolean> {
  client.io.reconnection(false);
  drop(client);
  await action();
  const returned = back(client);
  client.io.reconnection(true);
  client.connect();
  return returned;
}

/** As a network that fails would; the client notices at once. */
export function drop(client: Socket): void {
  client.io.engine.close();
}

/** What the client would send to get its session back. */
export function sessionOf(client: Socket): { pid: string; offset: string } {
  const { _pid: pid, _lastOffset: offset } = client as unknown as { _pid: string; _lastOffset: string };
  return { pid, offset };
}

/** Every event of that name and of that number, without the cursor behind it. */
export function firstOf(items: readonly unknown[][]): unknown[] {
  return items.map(([first]) => first);
}

/** 0, 1, 2, … */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
