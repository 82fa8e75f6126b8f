/**
 * Passes a connection whose next request is an upgrade of a sibling's session back to the primary, which hands it to that
 * sibling: else this worker would relay it for life. Only plain TCP can be passed on; a connection is passed on once. What
 * touches undocumented Node here is `_handle`, to stop reading before the connection leaves.
 */
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type HandOffMessage, MAX_PASSED_BYTES, PASS_TYPE, type PassMessage } from "../protocol/hand-off.js";
import { writeHead } from "./message-head.js";

interface Internals {
  _handle: { readStop(): number; readonly constructor: { readonly name: string } } | null;
  server: unknown;
}

/** Node sends one at a time, and holds the others. What comes beyond is relayed. */
const MAX_UNDER_WAY = 64;

export class PassOn {
  /** Those that came from the primary, with the message by which they came. */
  readonly #came = new WeakMap<Duplex, HandOffMessage>();
  #underWay = 0;

  /** A connection has come. */
  note(socket: Socket, message: HandOffMessage): void {
    this.#came.set(socket, message);
  }

  /** False: it has to be relayed. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const came = this.#came.get(socket);
    if (!came || came.passed || !(socket instanceof Socket) || !this.#mayPass(socket)) return false;
    const begun = Buffer.concat([headOf(request), head]);
    if (begun.length + socket.readableLength > MAX_PASSED_BYTES || !leave(socket)) return false;
    this.#send(socket, Buffer.concat([begun, lateBytes(socket)]), came);
    return true;
  }

  #mayPass(socket: Socket): boolean {
    const isPlainTcp = internalsOf(socket)._handle?.constructor.name === "TCP";
    return isPlainTcp && process.connected && this.#underWay < MAX_UNDER_WAY;
  }

  #send(socket: Socket, bytes: Buffer, { sequence, peer }: HandOffMessage): void {
    const message: PassMessage = {
      type: PASS_TYPE,
      sequence,
      data: bytes.toString("latin1"),
      ...(peer !== undefined && { peer }),
    };
    this.#underWay++;
    process.send?.(message, socket, { swallowErrors: true } as object, () => {
      this.#underWay--;
      // Node has taken its handle out when it was sent; this ends what is left of it here.
      socket.destroy();
    });
  }
}

/** Nothing more is read from it here. False: it has gone. */
function leave(socket: Socket): boolean {
  const internals = internalsOf(socket);
  if (internals._handle?.readStop() !== 0) return false;
  // With it, Node lists the sockets of the server in both processes (SocketList).
  internals.server = null;
  return true;
}

function internalsOf(socket: Socket): Internals {
  return socket as unknown as Internals;
}

/** As it came, but for what the parser has taken off: white space around values. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  return writeHead(`${method} ${url} HTTP/${httpVersion}`, rawHeaders);
}

/** What was read while the door was asking. */
function lateBytes(socket: Socket): Buffer {
  return (socket.read() as Buffer | null) ?? Buffer.alloc(0);
}
