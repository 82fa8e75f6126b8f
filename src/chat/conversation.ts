/**
 * The events of one client of the chat: talk, rooms, greetings. Runs in a worker. A malformed payload changes nothing and
 * throws nothing; a client that asks for an acknowledgement learns of it as `{ ok: false }`.
 */
import type { Server, Socket } from "socket.io";
import {
  EVERYBODY,
  type Greeting,
  type Membership,
  type Message,
  parseGreeting,
  parseMembership,
  parseMessage,
} from "./payload.js";

const MAX_ROOMS_PER_CLIENT = 1000;

export function converse(io: Server, socket: Socket): void {
  handle(socket, "send-message", parseMessage, (message) => tell(io, message));
  handle(socket, "say", parseGreeting, (greeting) => greet(io, greeting));
  handle(socket, "join", parseMembership, (membership) => join(socket, membership));
  handle(socket, "leave", parseMembership, (membership) => leave(socket, membership));
}

function tell(io: Server, message: Message): boolean {
  const audience = message.to === undefined ? io : io.to(message.to);
  return audience.emit("receive-message", message);
}

function greet(io: Server, { name, to }: Greeting): boolean {
  return to === EVERYBODY ? io.emit("broadcast", { name }) : io.to(to).emit("gm", { name, to });
}

function join(socket: Socket, { to, name }: Membership): boolean {
  const wasMember = socket.rooms.has(to);
  if (!wasMember && socket.rooms.size >= MAX_ROOMS_PER_CLIENT) return false;
  void socket.join(to);
  if (!wasMember && name !== undefined) socket.to(to).emit("joined", { name, to });
  return true;
}

function leave(socket: Socket, { to, name }: Membership): boolean {
  // The room of its own id is how a socket is addressed, not one the client joined.
  if (to === socket.id) return false;
  const wasMember = socket.rooms.has(to);
  void socket.leave(to);
  if (wasMember && name !== undefined) socket.to(to).emit("left", { name, to });
  return true;
}

/** `act` tells whether it was done. Clients need not ask for an acknowledgement. */
function handle<T>(
  socket: Socket,
  event: string,
  parse: (payload: unknown) => T | undefined,
  act: (value: T) => boolean,
): void {
  socket.on(event, (...args: unknown[]) => {
    const value = parse(args[0]);
    const ok = value !== undefined && act(value);
    const acknowledge = args.at(-1);
    if (typeof acknowledge === "function") acknowledge({ ok });
  });
}
