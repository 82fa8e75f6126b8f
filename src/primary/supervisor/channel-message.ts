/**
 * What a line on a worker's IPC channel is: Node's own word that it needs to hear, something harmless, or something that
 * no worker says. Pure; channel-guard.ts acts on it.
 */

import { isPassMessage, type PassMessage } from "../../protocol/hand-off.js";

export type Verdict =
  /** Node waits for this before it sends the next handle. */
  | { readonly is: "acknowledgement"; readonly cmd: "NODE_HANDLE_ACK" | "NODE_HANDLE_NACK" }
  /** The app wants the primary to listen on its behalf. */
  | { readonly is: "listen-request"; readonly sequence: number; readonly where: string }
  /** A connection for a sibling, whose descriptor must have come. */
  | { readonly is: "pass"; readonly message: PassMessage }
  /** What a worker's node:cluster says without wanting anything. */
  | { readonly is: "idle-talk" }
  /** The app's own `process.send()`. */
  | { readonly is: "app-message" }
  | { readonly is: "violation"; readonly what: string };

type Fields = Readonly<Record<string, unknown>>;

const IDLE_ACTS: ReadonlySet<unknown> = new Set(["online", "listening", "close", "exitedAfterDisconnect"]);

export function judge(line: string): Verdict {
  const message = parse(line);
  if (message === undefined) return violation("what came on its IPC channel is not JSON");
  if (!isNodesOwn(message)) return { is: "app-message" };
  switch (message.cmd) {
    case "NODE_HANDLE_ACK":
    case "NODE_HANDLE_NACK":
      return { is: "acknowledgement", cmd: message.cmd };
    case "NODE_CLUSTER":
      return judgeClusterWord(message);
    case "NODE_HANDLE":
      return judgeHandle(message);
    default:
      return violation(`it said ${message.cmd.slice(0, 40)}`);
  }
}

function judgeClusterWord({ act, ack, seq, address, port }: Fields): Verdict {
  if (act === "queryServer" && Number.isSafeInteger(seq)) {
    return { is: "listen-request", sequence: Number(seq), where: placeOf(address, port) };
  }
  return IDLE_ACTS.has(act) && ack === undefined ? { is: "idle-talk" } : violation("it said NODE_CLUSTER wrongly");
}

function judgeHandle({ type, msg }: Fields): Verdict {
  if (type !== "net.Socket" || !isPassMessage(msg)) return violation("it sent a descriptor, or said that it did");
  const { type: pass, sequence, data, peer } = msg;
  return { is: "pass", message: { type: pass, sequence, data, ...(peer !== undefined && { peer }) } };
}

/** For people. A Unix socket has the port -1, "all addresses" is null. */
function placeOf(address: unknown, port: unknown): string {
  const host = typeof address === "string" ? address.slice(0, 120) : "*";
  return typeof port === "number" && port >= 0 ? `${host}:${port}` : host;
}

function isNodesOwn(message: unknown): message is Fields & { readonly cmd: string } {
  const cmd = (message as { cmd?: unknown } | null)?.cmd;
  return typeof cmd === "string" && cmd.startsWith("NODE_");
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function violation(what: string): Verdict {
  return { is: "violation", what };
}
