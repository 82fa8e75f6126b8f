/**
 * What this host wants to hear of Redis: the channels of the namespaces that its workers serve and, in sharded mode, of the
 * rooms that have a member here. Runs in the primary. A namespace counts as served, for others, once Redis has confirmed.
 */
import type { RoomName } from "../../protocol/frame.js";
import type { ByteLink } from "./contract.js";
import type { Wire } from "./wire/wire.js";

/** A join waits no longer than this for Redis. */
const HEAR_TIMEOUT_MS = 3_000;

interface Served {
  workers: number;
  confirmed: boolean;
}

interface Room {
  /** Rooms 1 and "1" have one channel. */
  rooms: number;
  readonly heard: Promise<void>;
}

export class Subscriptions {
  readonly #wire: Wire;
  readonly #link: ByteLink;
  readonly #onServed: () => void;
  readonly #namespaces = new Map<string, Served>();
  readonly #roomChannels = new Map<string, Room>();

  /** `onServed` is called when what `workers()` gives has changed. */
  constructor(wire: Wire, link: ByteLink, onServed: () => void) {
    this.#wire = wire;
    this.#link = link;
    this.#onServed = onServed;
  }

  get sizes(): { readonly namespaces: number; readonly rooms: number } {
    return { namespaces: this.#namespaces.size, rooms: this.#roomChannels.size };
  }

  /** How many workers serve each namespace. */
  workers(): Map<string, number> {
    const confirmed = [...this.#namespaces].filter(([, served]) => served.confirmed);
    return new Map(confirmed.map(([namespace, { workers }]) => [namespace, workers]));
  }

  setWorkers(namespace: string, workers: number): void {
    const served = this.#namespaces.get(namespace);
    if (workers === 0) this.#leave(namespace);
    else if (!served) this.#enter(namespace, workers);
    else {
      served.workers = workers;
      this.#onServed();
    }
  }

  setRoom(namespace: string, name: RoomName, hasMember: boolean): void {
    const channel = this.#wire.roomChannel(namespace, name);
    if (channel === undefined) return;
    if (hasMember) this.#enterRoom(channel);
    else this.#leaveRoom(channel);
  }

  /** Resolves when Redis brings what is sent to the rooms, or is away or late. */
  async hear(namespace: string, rooms: readonly RoomName[]): Promise<void> {
    if (this.#link.state !== "ready") return;
    const heard = rooms.map((room) => this.#roomChannels.get(this.#wire.roomChannel(namespace, room) ?? "")?.heard);
    await settledWithin(Promise.all(heard), HEAR_TIMEOUT_MS);
  }

  #enter(namespace: string, workers: number): void {
    const served: Served = { workers, confirmed: false };
    this.#namespaces.set(namespace, served);
    void this.#subscribe(this.#wire.channelsOf(namespace)).then((confirmed) => {
      served.confirmed = confirmed;
      if (this.#namespaces.get(namespace) === served) this.#onServed();
    });
  }

  #leave(namespace: string): void {
    if (!this.#namespaces.delete(namespace)) return;
    this.#unsubscribe(this.#wire.channelsOf(namespace));
    this.#onServed();
  }

  #enterRoom(channel: string): void {
    const room = this.#roomChannels.get(channel);
    if (room) room.rooms++;
    else this.#roomChannels.set(channel, { rooms: 1, heard: this.#subscribe([channel]).then(() => {}) });
  }

  #leaveRoom(channel: string): void {
    const room = this.#roomChannels.get(channel);
    if (!room || --room.rooms > 0) return;
    this.#roomChannels.delete(channel);
    this.#unsubscribe([channel]);
  }

  /** False: they were unsubscribed before Redis had confirmed, or the link was closed. */
  #subscribe(channels: readonly string[]): Promise<boolean> {
    return this.#link.subscribe(channels).then(
      () => true,
      () => false,
    );
  }

  #unsubscribe(channels: readonly string[]): void {
    this.#link.unsubscribe(channels);
    for (const channel of channels) this.#wire.forgetChannel(channel);
  }
}

function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const deadline = setTimeout(resolve, ms);
    void promise.then(() => {
      clearTimeout(deadline);
      resolve();
    });
  });
}
