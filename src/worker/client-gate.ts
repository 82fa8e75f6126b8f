/**
 * Decides when what is written to a client leaves. Runs in a worker, and is the one place that touches Engine.IO's
 * private `flush`, through which every packet to a client passes, whatever its transport.
 *
 * It holds packets back while a room change is not yet in the kernel on its way to the switch: a client that was told of
 * a join may act on it through another worker at once. And it makes one write of what comes for a client at once: of the
 * frames that were read together, and of packets that waited for each other. Engine.IO sees its transport writable
 * throughout, so volatile events are not dropped on that account.
 */
import type { Socket as TcpSocket } from "node:net";
import { Socket as EngineSocket } from "engine.io";
import type { ClientBuffers, SlowClient } from "./client-buffer.js";
import type { Link } from "./link.js";

interface EnginePacket {
  readonly type: string;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
  readonly data?: unknown;
}

/** What is used of Engine.IO's Socket. */
interface Flushing extends SlowClient {
  writeBuffer: EnginePacket[];
  /** A WebSocket transport has the ws socket, and that the TCP socket. */
  readonly transport: {
    readonly writable: boolean;
    readonly perMessageDeflate?: unknown;
    readonly socket?: { readonly _socket?: TcpSocket | null };
  };
  flush(): void;
}

type GatedLink = Pick<Link, "behind" | "whenCaughtUp" | "aroundBurst">;

export function installClientGate(link: GatedLink, buffers: Pick<ClientBuffers, "isPast">): void {
  const prototype = EngineSocket.prototype as unknown as Flushing;
  const flush = prototype.flush;
  const held = new Set<Flushing>();
  let inBurst = false;
  const release = () => {
    const waiting = [...held];
    held.clear();
    for (const socket of waiting) socket.flush();
  };
  prototype.flush = function (this: Flushing): void {
    if (!this.transport.writable && buffers.isPast(this)) return;
    if (!inBurst && !link.behind) return flushAtOnce(this, flush);
    if (!inBurst && held.size === 0) link.whenCaughtUp(release);
    held.add(this);
  };
  link.aroundBurst = (deliver) => {
    inBurst = true;
    try {
      deliver();
    } finally {
      inBurst = false;
      release();
    }
  };
}

function flushAtOnce(socket: Flushing, flush: () => void): void {
  // For a client that cannot take it yet there is nothing to make one of: it would be copied with each packet that comes.
  const several = socket.writeBuffer.length > 1 && socket.transport.writable;
  const tcp = several ? socket.transport.socket?._socket : undefined;
  if (!tcp) return flush.call(socket);
  const frames = framesOf(socket);
  if (frames) socket.writeBuffer = [{ type: "message", options: { wsPreEncodedFrame: [Buffer.concat(frames)] } }];
  tcp.cork();
  flush.call(socket);
  tcp.uncork();
}

/** The frames of all packets that wait, where each has been made into one already; broadcasts have. */
function framesOf({ writeBuffer, transport }: Flushing): Buffer[] | undefined {
  if (transport.perMessageDeflate) return undefined;
  const frames: Buffer[] = [];
  for (const { options } of writeBuffer) {
    if (!options?.wsPreEncodedFrame) return undefined;
    frames.push(...options.wsPreEncodedFrame);
  }
  return frames;
}
