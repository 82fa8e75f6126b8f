/** A client of a history: it notes what it gets, and reconnects by itself. */
import { ownerOf } from "../../src/protocol/session-id.js";
import { connect, type Socket, sessionIdOfClient } from "../flow/support/client.js";
import type { FaultProxy } from "../flow/support/proxy.js";
import type { Entry } from "./entry.js";

export interface Client {
  readonly name: string;
  readonly socket: Socket;
  readonly rooms: Set<string>;
  /** The client itself forgets it while it is away. */
  id: string;
  connections: number;
}

/** Who is back within a tenth of a second of having been let in is taken for a second client; Socket.IO's waits for half of one. */
const RECONNECTS = { reconnection: true, reconnectionDelay: 300, reconnectionDelayMax: 600, timeout: 5_000 };

/** `onNew`: it came back, and was told that it is new. */
export async function startClient(
  history: Entry[],
  front: FaultProxy,
  index: number,
  onNew: () => void,
): Promise<Client> {
  const transport = index % 3 === 0 ? "polling" : "websocket";
  const socket = await connect(front, { transport, options: { ...RECONNECTS, autoConnect: true } });
  const client: Client = { name: `client ${index}`, socket, rooms: new Set(), id: socket.id as string, connections: 1 };
  const { name } = client;
  const session = () => {
    const host = ownerOf(sessionIdOfClient(socket))?.host as string;
    return { client: name, pid: (socket as unknown as { _pid: string })._pid, host };
  };
  history.push({ type: "connect", ...session(), recovered: false });
  socket.on("connect", () => {
    client.connections++;
    client.id = socket.id as string;
    if (!socket.recovered) client.rooms.clear();
    history.push({ type: "connect", ...session(), recovered: socket.recovered === true });
    if (!socket.recovered) onNew();
  });
  socket.on("disconnect", (reason) => history.push({ type: "close", client: name, reason }));
  socket.on("state", ({ rooms, data }) => history.push({ type: "state", client: name, rooms, data }));
  socket.on("event", ({ id, sender, number, pad }, ...rest) => {
    const cursor = rest.at(-1) as string;
    const [binary] = rest.length > 1 ? rest : [undefined];
    const intact = binary === undefined ? pad === padOf(id) : Buffer.from(binary as Buffer).toString() === id;
    history.push({ type: "receive", client: name, connection: client.connections, id, sender, number, cursor, intact });
  });
  return client;
}

/** What an event carries is told by its id, so that what arrives can be compared. */
export function padOf(id: string): string {
  const number = Number(id.slice(1));
  return id.repeat(number % 100 === 0 ? 5_000 : number % 40);
}
