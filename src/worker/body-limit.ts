/**
 * Ends requests whose body is larger than it may be: at once where its length is announced, when it has become too long
 * where it comes in chunks. The app then sees what it sees when a client goes away in the middle.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** The answer is out first: closing with unread bytes makes the kernel send a reset, which may overtake it. */
const LINGER_MS = 500;
const LINGER_BYTES = 512 * 1024;

export function announcesTooMuch({ headers }: IncomingMessage, maxBytes: number): boolean {
  return Number(headers["content-length"] ?? 0) > maxBytes;
}

/** `answer` gives the whole response as bytes; asked when the limit is passed and nothing has been answered. */
export function limitChunks(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  answer: () => string,
): void {
  if (request.headers["transfer-encoding"] === undefined) return;
  const push = request.push.bind(request);
  let bytes = 0;
  // Where Node's parser hands over the body: listening for 'data' would begin to read before the app does.
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    const before = bytes;
    bytes += chunk?.length ?? 0;
    if (bytes <= maxBytes) return push(chunk, encoding);
    if (before <= maxBytes) end(request, response, answer);
    // False makes Node stop reading.
    return bytes < maxBytes + LINGER_BYTES;
  };
}

function end({ socket }: IncomingMessage, response: ServerResponse, answer: () => string): void {
  // Begun by the app, or not yet its turn: there is no place for an answer of ours.
  if (response.headersSent || response.socket !== socket) return void socket.destroy();
  socket.end(answer(), "latin1");
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
