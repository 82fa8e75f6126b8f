/** What the clients of a history ask for, one operation after the other, as chance has it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, padOf } from "./client.js";
import type { Entry, Operation, Target } from "./entry.js";
import type { Random } from "./random.js";

export interface Scene {
  readonly random: Random;
  readonly history: Entry[];
  readonly clients: readonly Client[];
  lastId: number;
}

const ROOMS = Array.from({ length: 8 }, (_, i) => `room ${i}`);
const ANSWER_MS = 8_000;

export async function operate(scene: Scene, perSecond: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const client = scene.random.one(scene.clients);
    const operation = choose(scene, client);
    if (client.socket.connected) void operateOnce(scene, client, operation);
    await sleep(scene.random.below(2_000 / perSecond));
  }
}

export function joinSomeRooms(scene: Scene): void {
  for (const client of scene.clients) {
    for (const room of ROOMS) if (scene.random.chance(0.3)) void operateOnce(scene, client, { kind: "join", room });
  }
}

/** What is missing before the last word is found by it, also where every room is counted by itself. */
export async function talkInEveryRoom(scene: Scene): Promise<void> {
  const words = ROOMS.flatMap((room) => scene.clients.map((client) => ({ client, room })));
  await Promise.all(words.map(({ client, room }) => operateOnce(scene, client, { kind: "emit", target: { room } })));
}

export async function operateOnce(scene: Scene, client: Client, op: Operation): Promise<void> {
  const id = `e${scene.lastId++}`;
  const request = requestOf(scene, id, op);
  scene.history.push({ type: "invoke", client: client.name, id, op });
  if (op.kind === "emit" && scene.random.chance(0.05)) client.socket.emit("op", { kind: "volatile", id }, () => {});
  try {
    const { sender, number } = await client.socket.timeout(ANSWER_MS).emitWithAck("op", request);
    scene.history.push({ type: "ok", id, sender, number });
    if (op.kind === "join") client.rooms.add(op.room);
    if (op.kind === "leave") client.rooms.delete(op.room);
  } catch {
    // Nobody can tell whether it was done.
  }
}

function choose({ random, clients }: Scene, client: Client): Operation {
  const dice = random.below(100);
  const room = random.one(ROOMS);
  if (dice < 3) return { kind: "join", room };
  if (dice < 5) return { kind: "leave", room };
  if (dice < 7) return { kind: "joinOther", other: random.one(clients).name, room };
  if (dice < 10) return { kind: "set", key: random.one(["a", "b"]), value: random.below(1_000_000) };
  if (dice < 12) return { kind: "emit", target: {} };
  if (dice < 22) return { kind: "emit", target: { room: "self" } };
  if (dice < 27) return { kind: "emit", target: { room, except: random.one(ROOMS) } };
  return { kind: "emit", target: { room: random.one([...client.rooms, room]) } };
}

function requestOf(scene: Scene, id: string, op: Operation): object {
  switch (op.kind) {
    case "emit":
      return emitOf(scene, id, op.target);
    case "joinOther": {
      const { id: socketId } = scene.clients.find(({ name }) => name === op.other) as Client;
      return { kind: "joinOther", room: op.room, socketId };
    }
    default:
      return op;
  }
}

function emitOf({ random }: Scene, id: string, { room, except }: Target): object {
  const pad = padOf(id);
  if (room === undefined) return { kind: "all", id, pad };
  if (room === "self") return { kind: "self", id, pad };
  if (except !== undefined) return { kind: "emit", id, pad, to: room, except };
  return random.chance(0.02) ? { kind: "binary", id, to: room } : { kind: "emit", id, pad, to: room };
}
