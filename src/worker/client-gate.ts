/**
 * Decides when what is written to a client leaves. Runs in a worker; replaces Engine.IO's private `flush`, through which
 * every packet to a client passes, whatever its transport.
 *
 * It holds packets back while a room change is not yet in the kernel on its way to the switch: a client that was told of
 * a join may act on it through another worker at once. And it makes one write of what comes for a client at once: of the
 * frames that were read together, and of packets that waited for each other. Engine.IO sees its transport writable
 * throughout, so volatile events are not dropped on that account.
 */
import { Socket as EngineSocket } from "engine.io";
import type { ClientBuffers } from "./client-buffer.js";
import { type EngineClient, tcpOf, writeFrames } from "./frame-client.js";
import type { Link } from "./link.js";

type GatedLink = Pick<Link, "behind" | "whenCaughtUp" | "aroundBurst">;
type Bound = Pick<ClientBuffers, "isPast">;

export class ClientGate {
  readonly #link: GatedLink;
  readonly #bound: Bound;
  readonly #flush: (this: EngineClient) => void;
  readonly #held = new Set<EngineClient>();
  #inBurst = false;

  /** For all clients of this process, from now on. */
  static install(link: GatedLink, bound: Bound): void {
    const prototype = EngineSocket.prototype as unknown as EngineClient;
    const gate = new ClientGate(link, bound, prototype.flush);
    prototype.flush = function () {
      gate.#pass(this);
    };
    link.aroundBurst = (deliver) => gate.#aroundBurst(deliver);
  }

  private constructor(link: GatedLink, bound: Bound, flush: () => void) {
    this.#link = link;
    this.#bound = bound;
    this.#flush = flush;
  }

  #pass(client: EngineClient): void {
    if (!client.transport.writable && this.#bound.isPast(client)) return;
    if (!this.#inBurst && !this.#link.behind) return this.#flushAtOnce(client);
    if (!this.#inBurst && this.#held.size === 0) this.#link.whenCaughtUp(() => this.#release());
    this.#held.add(client);
  }

  #aroundBurst(deliver: () => void): void {
    this.#inBurst = true;
    try {
      deliver();
    } finally {
      this.#inBurst = false;
      this.#release();
    }
  }

  #release(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const client of held) this.#pass(client);
  }

  #flushAtOnce(client: EngineClient): void {
    if (!client.transport.writable || writeFrames(client)) return;
    const tcp = client.writeBuffer.length > 1 ? tcpOf(client) : undefined;
    tcp?.cork();
    this.#flush.call(client);
    tcp?.uncork();
  }
}
