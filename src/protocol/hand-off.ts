/**
 * The message that carries a connection from the primary to a worker over the IPC channel: that of @socket.io/sticky,
 * with a sequence number. The worker answers on its link (`taken`, see frame.ts) before it reads the connection.
 */

export const HAND_OFF_TYPE = "sticky:connection";

export interface HandOffMessage {
  readonly type: typeof HAND_OFF_TYPE;
  /** What the primary read, as latin1: JSON IPC has no bytes. The worker turns it into a Buffer before sticky sees it. */
  readonly data: string;
  /** Rises by one for each hand-off to this worker. */
  readonly sequence: number;
  /** On the machine's clock. Later the worker must not take it: the primary sends it elsewhere. */
  readonly validUntilMs: number;
  /** Whose the connection is, where a proxy has said so; see peer.ts. */
  readonly peer?: string;
}

export function isHandOffMessage(message: unknown): message is HandOffMessage {
  if (typeof message !== "object" || message === null) return false;
  const candidate = message as Partial<HandOffMessage>;
  return (
    candidate.type === HAND_OFF_TYPE &&
    typeof candidate.data === "string" &&
    typeof candidate.sequence === "number" &&
    typeof candidate.validUntilMs === "number" &&
    (candidate.peer === undefined || typeof candidate.peer === "string")
  );
}

/** CLOCK_MONOTONIC, which is one for all processes of a machine (performance.now() counts from each one's start). */
export function machineClockMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
