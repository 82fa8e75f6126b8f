/**
 * A client's connection in very many namespaces, packet by packet: a client library that holds 10,000 sockets asks each of
 * them about each packet.
 */
import type { Socket } from "./client.js";
import { within } from "./eventually.js";

const JOIN_MS = 30_000;

/** Resolves when the connection is in all of them. */
export async function joinNamespaces({ io: { engine } }: Socket, names: readonly string[]): Promise<void> {
  const missing = new Set(names);
  const joined = new Promise<void>((resolve) => {
    engine.on("packet", ({ data }) => {
      missing.delete(/^0(.*?),/.exec(data)?.[1] ?? "");
      if (missing.size === 0) resolve();
    });
  });
  for (const name of names) engine.write(`0${name},`);
  await within(joined, JOIN_MS, "the namespaces", () => missing);
}

/** Joins them, and leaves them: a dynamic namespace goes with its only client. */
export async function visitNamespaces(client: Socket, names: readonly string[]): Promise<void> {
  await joinNamespaces(client, names);
  for (const name of names) client.io.engine.write(`1${name},`);
}
