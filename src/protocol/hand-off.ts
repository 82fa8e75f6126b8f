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
  /** It was passed on by a worker, and is not passed on again: see PassMessage. */
  readonly passed?: true;
}

export const PASS_TYPE = "holdfast:pass";

/**
 * The message that carries a connection back from a worker, whose next request is an upgrade of a sibling's session: the
 * primary hands it to that one, and nobody need relay it for the rest of its life. Plain TCP only.
 */
export interface PassMessage {
  readonly type: typeof PASS_TYPE;
  /** Of the hand-off by which it came. */
  readonly sequence: number;
  /** The request's head and what came behind it, as latin1. */
  readonly data: string;
  /** As in that hand-off. */
  readonly peer?: string;
}

/** Larger ones are relayed; a message on the channel has a bound of its own. */
export const MAX_PASSED_BYTES = 128 * 1024;

export function isPassMessage(message: unknown): message is PassMessage {
  if (typeof message !== "object" || message === null) return false;
  const { type, sequence, data, peer } = message as Partial<PassMessage>;
  const isOfForm = type === PASS_TYPE && typeof data === "string" && data.length <= MAX_PASSED_BYTES;
  return isOfForm && typeof sequence === "number" && (peer === undefined || typeof peer === "string");
}

export function isHandOffMessage(message: unknown): message is HandOffMessage {
  if (typeof message !== "object" || message === null) return false;
  const candidate = message as Partial<HandOffMessage>;
  return (
    candidate.type === HAND_OFF_TYPE &&
    typeof candidate.data === "string" &&
    typeof candidate.sequence === "number" &&
    typeof candidate.validUntilMs === "number" &&
    (candidate.peer === undefined || typeof candidate.peer === "string") &&
    (candidate.passed === undefined || candidate.passed === true)
  );
}
