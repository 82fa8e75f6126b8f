/**
 * Until when a socket that joins a room does not hear other hosts: in the sharded mode of the uplink, the host asks Redis
 * for what is sent to a room from its first member on. Runs in a worker, for one namespace.
 */
import type { Room, SocketId } from "socket.io-adapter";
import type { RoomName } from "../protocol/frame.js";

export class RoomHearing {
  readonly #ask: (rooms: readonly RoomName[]) => Promise<void>;
  readonly #underWay = new Map<Room, Promise<void>>();

  constructor(ask: (rooms: readonly RoomName[]) => Promise<void>) {
    this.#ask = ask;
  }

  /** `created`: those of the rooms that have no other member here. Undefined: there is nothing to wait for. */
  joined(id: SocketId, rooms: ReadonlySet<Room>, created: readonly Room[]): Promise<void> | undefined {
    // What is sent to a socket's own room comes by the channel of the namespace.
    const asked = created.filter((room) => room !== id);
    if (asked.length > 0) this.#begin(asked);
    const waits = [...rooms].flatMap((room) => this.#underWay.get(room) ?? []);
    return waits.length > 0 ? Promise.all(waits).then(() => {}) : undefined;
  }

  #begin(rooms: readonly Room[]): void {
    const heard = this.#ask(rooms).then(() => {
      for (const room of rooms) if (this.#underWay.get(room) === heard) this.#underWay.delete(room);
    });
    for (const room of rooms) this.#underWay.set(room, heard);
  }
}
