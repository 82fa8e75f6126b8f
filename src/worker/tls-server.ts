/**
 * Speaks TLS on the connections that the inbox receives, and gives what is inside to the HTTP server. It runs in a worker,
 * so handshakes and encryption use all cores. It listens nowhere: the primary has the port, and has read the beginning of
 * each ClientHello, which is back in front of the connection when it arrives here.
 */
import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { limiter } from "../log/rate.js";
import type { TlsMaterial } from "../protocol/control.js";
import { inheritPeer } from "./client-address.js";

export interface TlsLog {
  debug(fields: object, text: string): void;
}

export interface TlsParts {
  /** For a whole handshake, however its bytes come. */
  readonly handshakeTimeoutMs: number;
  /** Takes a connection whose handshake is done. */
  readonly inject: (socket: TLSSocket) => void;
  /** Called for each handshake that failed. */
  readonly onFailure: () => void;
  readonly log: TlsLog;
}

/** Sessions of another context are not resumed; without it Node takes a hash of argv. */
const SESSION_ID_CONTEXT = "holdfast";
const LOG_INTERVAL_MS = 1_000;

export class TlsServer {
  readonly #parts: TlsParts;
  readonly #server: Server;
  readonly #say = limiter(LOG_INTERVAL_MS);

  constructor({ cert, key, ticketKeys }: TlsMaterial, parts: TlsParts) {
    this.#parts = parts;
    this.#server = createServer({
      cert,
      key,
      minVersion: "TLSv1.2",
      // Node has one limit for it, and nobody needs it: TLS 1.3 has none.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: parts.handshakeTimeoutMs,
      sessionIdContext: SESSION_ID_CONTEXT,
      ticketKeys: Buffer.from(ticketKeys, "base64"),
    });
    this.#server.on("secureConnection", (socket) => this.#onSecure(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#onFailure(error, socket));
  }

  /** Begins a handshake on a client's connection. */
  receive(socket: Socket): void {
    // As https.Server has it: half a TLS connection is of no use to anybody, and is closed within a handshake, too.
    socket.allowHalfOpen = false;
    this.#server.emit("connection", socket);
  }

  /** Clients with a ticket of before make one full handshake, and have a new one. */
  setTicketKeys(ticketKeys: string): void {
    this.#server.setTicketKeys(Buffer.from(ticketKeys, "base64"));
  }

  #onSecure(socket: TLSSocket): void {
    // As the inbox has it for the connection below.
    socket.on("error", () => {});
    socket.setMaxListeners(0);
    letAnswerLeave(socket);
    inheritPeer(socket, connectionBelow(socket));
    this.#parts.inject(socket);
  }

  #onFailure({ code, message }: NodeJS.ErrnoException, socket: TLSSocket): void {
    socket.destroy();
    this.#parts.onFailure();
    this.#say((suppressed) => {
      this.#parts.log.debug({ event: "tls-handshake-failed", code, suppressed }, `a TLS handshake failed: ${message}`);
    });
  }
}

/** Undocumented Node: there is no other way from what speaks TLS to the connection it came by. */
function connectionBelow(socket: TLSSocket): Socket {
  return (socket as unknown as { readonly _parent?: Socket })._parent ?? socket;
}

/**
 * What cannot be parsed is answered by Node's HTTP server, which destroys the socket right behind that, still within the
 * read of what came. TLS encrypts what is written only when that read is over, so the answer would be lost.
 */
function letAnswerLeave(socket: TLSSocket): void {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => {
    if (error === undefined || socket.writableLength === 0) return destroy(error);
    setImmediate(destroy, error);
    return socket;
  };
}
