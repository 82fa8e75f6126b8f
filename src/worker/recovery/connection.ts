/**
 * What recovery knows of one client's connection, over all its namespaces: when its sockets' data is to be compared, and
 * what its pongs confirm. Runs in workers.
 */
import type { Position } from "../../protocol/cursor.js";

/** A part of Engine.IO's Socket. */
export interface EngineConnection {
  readonly readyState: string;
  readonly transport: { readonly socket?: { terminate?(): void } };
  on(event: "data" | "heartbeat", listener: () => void): unknown;
  once(event: "close", listener: () => void): unknown;
  off(event: "close", listener: () => void): unknown;
  close(): unknown;
  /** Engine.IO's own, for a transport that has gone. */
  onClose(reason: string): void;
}

export interface Watched {
  compareData(): void;
  confirm(position: Position): void;
  /** At the last pong; what was sent up to then, the next ping is behind. */
  pongAt: Position | undefined;
}

const WATCHES = new WeakMap<EngineConnection, Set<Watched>>();

export function watch(connection: EngineConnection, watched: Watched, position: () => Position): void {
  const known = WATCHES.get(connection);
  if (known) return void known.add(watched);
  const all = new Set([watched]);
  WATCHES.set(connection, all);
  let isDue = false;
  const compare = () => {
    isDue = false;
    for (const one of all) one.compareData();
  };
  connection.on("data", () => {
    // Once the handlers have run, which is some ticks later.
    if (!isDue) setImmediate(compare);
    isDue = true;
  });
  connection.on("heartbeat", () => {
    for (const one of all) onPong(one, position());
  });
}

export function unwatch(connection: EngineConnection, watched: Watched): void {
  WATCHES.get(connection)?.delete(watched);
}

function onPong(watched: Watched, now: Position): void {
  if (watched.pongAt) watched.confirm(watched.pongAt);
  watched.pongAt = now;
}

/** The client is on another connection already. */
export function cutOff(connection: EngineConnection): void {
  const { transport } = connection;
  connection.onClose("transport close");
  transport.socket?.terminate?.();
}
