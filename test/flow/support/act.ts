/** Calls an action of the fixture conformance.mjs in the worker of a client. */
import type { Socket } from "./client.js";

const ACT_MS = 40_000;

// biome-ignore lint/suspicious/noExplicitAny: what an action gives is known only to the test that calls it
export async function act<T = any>(client: Socket, name: string, ...args: unknown[]): Promise<T> {
  const { value, error } = await client.timeout(ACT_MS).emitWithAck("act", name, args);
  if (error !== undefined) throw new Error(error);
  return value;
}
