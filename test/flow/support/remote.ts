/**
 * Makes a worker do what a test says: `io`, `socket` and `nsp` record a chain of Socket.IO calls, `run` sends it to the
 * worker of a client, where the fixture remote.mjs does it. So one fixture serves every conformance test.
 */
import { randomUUID } from "node:crypto";
import type { Namespace, Server, Socket as ServerSocket } from "socket.io";
import type { Socket } from "socket.io-client";
import { received } from "./client.js";

const RUN_MS = 20_000;
const STEPS = Symbol("steps");

/** One member of a chain: `local` is a name alone, `to("a")` has arguments. */
type Step = readonly [name: string, args?: readonly unknown[]];
type Outcome = { readonly value: unknown } | { readonly error: { message: string; responses?: unknown[] } };

/** The worker's `io`. */
export const io = chain([["io"]]) as Server;
/** The running client's own socket, in its worker. */
export const socket = chain([["socket"]]) as ServerSocket;
/** The namespace of that socket. */
export const nsp = chain([["nsp"]]) as Namespace;

/** What the call threw in the worker. */
export class RemoteError extends Error {
  override readonly name = "RemoteError";
  /** The acks that had come before a timeout. */
  readonly responses: unknown[] | undefined;

  constructor({ message, responses }: { message: string; responses?: unknown[] }) {
    super(message);
    this.responses = responses;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: what a call gives is known only to the test that makes it
export async function run<T = any>(client: Socket, call: unknown): Promise<T> {
  const [result] = await runAll(client, call);
  return result as T;
}

/** Does the calls one behind the other in one tick of the worker, and gives their results in order. */
export async function runAll(client: Socket, ...calls: unknown[]): Promise<unknown[]> {
  const outcomes: Outcome[] = await client.timeout(RUN_MS).emitWithAck("run", calls.map(stepsOf));
  return outcomes.map(resultOf);
}

/**
 * Resolves when each receiver has got a broadcast that the sender's worker sends now. Order per sender is kept, so what
 * that worker sent before has come by then, or will never come.
 */
export async function fence(sender: Socket, receivers: readonly Socket[], withinMs?: number): Promise<void> {
  const name = `fence-${randomUUID()}`;
  const arrivals = receivers.map((receiver) => received(receiver, name, withinMs));
  await run(sender, nsp.emit(name));
  await Promise.all(arrivals);
}

function chain(steps: readonly Step[]): unknown {
  return new Proxy(() => {}, {
    get: (_, name) => (name === STEPS ? steps : chain([...steps, [String(name)]])),
    apply: (_, __, args) => chain([...steps.slice(0, -1), [(steps.at(-1) as Step)[0], args]]),
  });
}

function stepsOf(call: unknown): readonly Step[] {
  return (call as { [STEPS]: readonly Step[] })[STEPS];
}

function resultOf(outcome: Outcome): unknown {
  if ("error" in outcome) throw new RemoteError(outcome.error);
  return outcome.value;
}
