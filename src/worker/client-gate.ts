/**
 * Holds back what is written to clients while a room change is not yet in the kernel on its way to the switch: a client
 * that was told of a join may act on it through another worker at once. Runs in a worker, and is the one place that
 * touches Engine.IO's private `flush`, through which every packet to a client passes, whatever its transport.
 */
import { Socket as EngineSocket } from "engine.io";
import type { Link } from "./link.js";

interface Flushing {
  flush(): void;
}

export function installClientGate(link: Pick<Link, "behind" | "whenCaughtUp">): void {
  const prototype = EngineSocket.prototype as unknown as Flushing;
  const flush = prototype.flush;
  const held = new Set<Flushing>();
  const release = () => {
    const waiting = [...held];
    held.clear();
    for (const socket of waiting) socket.flush();
  };
  prototype.flush = function (this: Flushing): void {
    if (!link.behind) return flush.call(this);
    if (held.size === 0) link.whenCaughtUp(release);
    held.add(this);
  };
}
