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

type GatedLink = Pick<Link, "behind" | "whenCaughtUp" | "aroundBurst" | "unsafe" | "safe" | "onMarked" | "onSafe">;
type Bound = Pick<ClientBuffers, "isPast">;

interface Marked {
  readonly mark: number;
  readonly packets: number;
}

export class ClientGate {
  readonly #link: GatedLink;
  readonly #bound: Bound;
  readonly #flush: (this: EngineClient) => void;
  readonly #held = new Set<EngineClient>();
  /** What waits for what it tells of to be where it outlives this host: up to which mark how many of its packets. */
  readonly #unsafe = new Map<EngineClient, Marked[]>();
  #inBurst = false;

  /** For all clients of this process, from now on. */
  static install(link: GatedLink, bound: Bound): void {
    const prototype = EngineSocket.prototype as unknown as EngineClient;
    const gate = new ClientGate(link, bound, prototype.flush);
    prototype.flush = function () {
      gate.#pass(this);
    };
    link.aroundBurst = (deliver) => gate.#aroundBurst(deliver);
    link.onMarked = (mark) => gate.#onMarked(mark);
    link.onSafe = () => gate.#onSafe();
  }

  private constructor(link: GatedLink, bound: Bound, flush: () => void) {
    this.#link = link;
    this.#bound = bound;
    this.#flush = flush;
  }

  #pass(client: EngineClient): void {
    if (!client.transport.writable && this.#bound.isPast(client)) return;
    if (!this.#inBurst && !this.#link.behind) return this.#passUnheld(client);
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

  #passUnheld(client: EngineClient): void {
    if (this.#link.unsafe) return this.#flushSafe(client);
    this.#unsafe.delete(client);
    this.#flushAtOnce(client);
  }

  /** What they are about to be written up to now has left for the primary with this mark, or before. */
  #onMarked(mark: number): void {
    for (const client of this.#held) if (!this.#unsafe.has(client)) this.#unsafe.set(client, []);
    for (const [client, marks] of this.#unsafe) {
      // Of those that are safe, only the last counts.
      while (marks[1] && marks[1].mark <= this.#link.safe) marks.shift();
      marks.push({ mark, packets: client.writeBuffer.length });
    }
  }

  #onSafe(): void {
    for (const client of [...this.#unsafe.keys()]) {
      if (client.readyState === "closed") this.#unsafe.delete(client);
      else if (!this.#held.has(client)) this.#passUnheld(client);
    }
  }

  #flushSafe(client: EngineClient): void {
    const marks = this.#unsafe.get(client) ?? [];
    this.#unsafe.set(client, marks);
    const packets = marks.findLast(({ mark }) => mark <= this.#link.safe)?.packets ?? 0;
    if (packets === 0 || !client.transport.writable) return;
    // Engine.IO closes it with this flush. The rest would come in one payload with a polling session's end, and Socket.IO's
    // client takes that for events of the next session; over a WebSocket it would not come.
    if (client.readyState === "closing" && packets < client.writeBuffer.length) return;
    this.#unsafe.set(client, markedAfter(marks, packets));
    const first = client.writeBuffer;
    const rest = first.splice(packets);
    this.#flushAtOnce(client);
    client.writeBuffer = client.writeBuffer === first ? [...first, ...rest] : [...rest, ...client.writeBuffer];
  }

  #flushAtOnce(client: EngineClient): void {
    if (!client.transport.writable || writeFrames(client)) return;
    const tcp = client.writeBuffer.length > 1 ? tcpOf(client) : undefined;
    tcp?.cork();
    this.#flush.call(client);
    tcp?.uncork();
  }
}

/** What is left of them when so many packets have been written. */
function markedAfter(marks: readonly Marked[], packets: number): Marked[] {
  const later = marks.filter((marked) => marked.packets > packets);
  return later.map(({ mark, packets: all }) => ({ mark, packets: all - packets }));
}
