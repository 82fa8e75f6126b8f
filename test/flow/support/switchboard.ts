/** A TCP load balancer that sends each new connection where the test says. It knows nothing of what passes. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onCleanup } from "./cleanup.js";
import type { Server } from "./client.js";

export interface Switchboard extends Server {
  /** Where connections go from now on; those that are open stay. */
  sendTo(server: Server): void;
}

export async function startSwitchboard(first: Server): Promise<Switchboard> {
  let target = new URL(first.url);
  const open = new Set<Socket>();
  const board = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ host: target.hostname, port: Number(target.port), allowHalfOpen: true });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  board.listen(0, "127.0.0.1");
  await once(board, "listening");
  onCleanup(() => {
    board.close();
    for (const socket of open) socket.destroy();
  });
  return {
    url: `http://127.0.0.1:${(board.address() as AddressInfo).port}`,
    sendTo(server) {
      target = new URL(server.url);
    },
  };
}
