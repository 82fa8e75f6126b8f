/**
 * The receiving half of @socket.io/sticky, taken out of the package: `setupWorker` registers a listener for IPC messages,
 * which the inbox calls itself. It runs in a worker.
 *
 * `setupWorker` gets a stand-in of a Socket.IO server. With the real one it would force `Connection: close` on every
 * response (nine times fewer requests/s) and report every session over IPC, which ids that name their owner make needless.
 */
import { createRequire } from "node:module";
import type { Socket } from "node:net";

export type Receive = (message: { readonly type: string; readonly data: Buffer }, socket: Socket) => void;

interface StandIn {
  readonly httpServer: { emit(event: "connection", socket: Socket): void; prependListener(): void };
  readonly engine: { on(): void };
}

/** Not imported, because what an ES module imports from CommonJS cannot be replaced for those who import it later. */
const sticky = createRequire(import.meta.url)("@socket.io/sticky") as { setupWorker(io: StandIn): void };
const setupWorker = sticky.setupWorker;

/** `inject` gives a connection to the HTTP server. */
export function takeReceiver(inject: (socket: Socket) => void): Receive {
  const before = process.listeners("message");
  setupWorker({
    httpServer: { emit: (_event, socket) => inject(socket), prependListener() {} },
    engine: { on() {} },
  });
  const added = process.listeners("message").find((listener) => !before.includes(listener)) as NodeJS.MessageListener;
  process.removeListener("message", added);
  return added as unknown as Receive;
}

/** From now on an app that calls `setupWorker` itself, as sticky's manual says, is told and nothing else happens. */
export function disarmSetupWorker(onCall: () => void): void {
  sticky.setupWorker = onCall;
}
