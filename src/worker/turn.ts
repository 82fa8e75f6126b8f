/**
 * Lets one forwarded request be under way per client's connection, and the next when that is answered. Answers leave in
 * the order of the requests anyway, and without this a client that pipelines would open a connection to the sibling for
 * each. Knows nothing of what is forwarded.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Nobody who is honest pipelines polls. What is refused beyond this is bounded by Node, as unsent answers. */
const MAX_WAITING = 16;

type Start = () => void;

export class Turn {
  /** The first of each has its turn. */
  readonly #lines = new WeakMap<Socket, Start[]>();

  /** Calls `start` once the responses to earlier ones of this connection are out. False: too many wait. */
  take(client: Socket, response: ServerResponse, start: Start): boolean {
    const line = this.#lines.get(client) ?? [];
    if (line.length > MAX_WAITING) return false;
    this.#lines.set(client, line);
    line.push(start);
    response.once("close", () => startNext(client, line));
    if (line.length === 1) start();
    return true;
  }
}

function startNext(client: Socket, line: Start[]): void {
  line.shift();
  if (!client.destroyed) line[0]?.();
}
