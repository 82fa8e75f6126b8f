/**
 * Tells the primary of sessions that were opened by polling over TLS, so that the connections which their clients open
 * next come here too: the primary cannot see their session ids. Its side is src/primary/acceptor/tls-expectation.ts.
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";

/** A part of Engine.IO's Socket. */
interface Session extends EventEmitter {
  readonly request: IncomingMessage;
  readonly transport: { readonly name: string };
}

/** `expect` is called with the client's address: more connections will come from there, or have come. */
export function announceNewcomers(engine: EventEmitter, expect: (address: string, more: boolean) => void): void {
  engine.on("connection", (session: Session) => {
    const address = session.request.socket.remoteAddress;
    if (session.transport.name !== "polling" || address === undefined) return;
    expect(address, true);
    let isExpected = true;
    const settle = () => {
      if (isExpected) expect(address, false);
      isExpected = false;
    };
    session.once("upgrade", settle);
    session.once("close", settle);
  });
}
