/** What the supervisor tells the rest of the primary: who may have connections, and how the fleet is. */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { PassMessage } from "../../protocol/hand-off.js";
import type { ControlLink, LinkEvents, SupervisorPhase } from "./contract.js";
import type { WorkerHandle } from "./worker-handle.js";

export interface SupervisorHooks {
  /** Called at once after the fork. */
  connect(worker: WorkerHandle, stream: Duplex, events: LinkEvents): ControlLink;
  /** It may have connections. */
  onReady(worker: WorkerHandle): void;
  /** No new connections: it does not answer, or is about to be killed. */
  onStuck(worker: WorkerHandle): void;
  onRecovered(worker: WorkerHandle): void;
  /** No new connections: it closes what it has and goes. */
  onDraining(worker: WorkerHandle): void;
  /** Its process has ended and all it wrote has been read. Called for every worker that was forked. */
  onGone(worker: WorkerHandle): void;
  /** A worker passes a connection on to a sibling. */
  onPassed(worker: WorkerHandle, message: PassMessage, socket: Socket): void;
  onPhase(phase: SupervisorPhase): void;
}
