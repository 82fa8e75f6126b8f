/**
 * Ends connections whose request was answered before its body had come, instead of reading the rest: 100 MB sent to a
 * session that does not exist, or past Engine.IO's limit. What still comes is read for a moment, so that the answer
 * arrives: closing with unread bytes makes the kernel send a reset, which may overtake it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

const LINGER_MS = 500;
const LINGER_BYTES = 512 * 1024;
/** A body up to this size has most likely come with its head: then the connection can be kept. */
const SMALL_BODY_BYTES = 16 * 1024;

/** `isWelcome` false: the answer will be an error, whatever the body. */
export function endWhenUnread(request: IncomingMessage, response: ServerResponse, isWelcome: boolean): void {
  if (!hasBody(request)) return;
  if (!isWelcome && !isSmall(request)) announceEnd(request, response);
  // Before Node's own listener, which would read the rest without looking.
  response.prependOnceListener("finish", () => {
    if (!request.complete && !isSmall(request)) linger(request);
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function isSmall({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] === undefined && Number(headers["content-length"]) <= SMALL_BODY_BYTES;
}

/** Says `Connection: close`, and keeps Node from closing at once when the answer is out. */
function announceEnd(request: IncomingMessage, response: ServerResponse): void {
  response.shouldKeepAlive = false;
  request.socket.destroySoon = () => linger(request);
}

function linger(request: IncomingMessage): void {
  const { socket } = request;
  if (socket.destroyed || socket.writableEnded) return;
  let bytes = 0;
  request.removeAllListeners("data");
  request.on("data", (chunk: Buffer | string) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) request.pause();
  });
  request.resume();
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
