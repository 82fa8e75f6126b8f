/**
 * The built-in chat: the app that every worker runs when no module is named. It wires the parts and decides nothing; that
 * there are other workers it only knows through Socket.IO's own words, as any app would.
 */
import type { RequestListener } from "node:http";
import type { Server, Socket } from "socket.io";
import { converse } from "./conversation.js";
import { Presence } from "./presence.js";
import { createWebListener } from "./web.js";

/** The part of an app's context that the chat uses. */
export interface ChatContext {
  readonly http: { on(event: "request", listener: RequestListener): unknown };
  readonly worker: { readonly slot: number; readonly pid: number; readonly generation: number };
  readonly host: string;
  readonly signal: AbortSignal;
}

const COUNT = "chat:count";

export default function app(io: Server, ctx: ChatContext): void {
  const presence = new Presence({ own: () => ownCount(io), others: () => otherCounts(io) }, ctx.signal);
  ctx.http.on("request", createWebListener(new URL("./page/", import.meta.url)));
  io.on(COUNT, (answer: unknown) => {
    if (typeof answer === "function") answer(ownCount(io));
  });
  io.on("connection", (socket) => {
    converse(io, socket);
    greet(socket, ctx, presence);
  });
}

/** The page says `hello`; a client that speaks the contract only is never sent anything beyond it. */
function greet(socket: Socket, { worker, host }: ChatContext, presence: Presence): void {
  const { slot, pid, generation } = worker;
  socket.on("hello", () => {
    socket.emit("welcome", { id: socket.id, worker: { slot, pid, generation }, host });
    presence.watch(socket);
  });
}

function ownCount(io: Server): number {
  return io.of("/").sockets.size;
}

/** An error brings the answers that did come; the deadline is the adapter's. */
function otherCounts(io: Server): Promise<readonly unknown[]> {
  return new Promise((resolve) => {
    io.serverSideEmit(COUNT, (_error: Error | null, counts?: readonly unknown[]) => resolve(counts ?? []));
  });
}
