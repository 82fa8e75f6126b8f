/**
 * The wire format of @socket.io/redis-adapter's `createShardedAdapter` in its dynamic mode: one channel of each namespace,
 * one of each room that has a member, and one for the answers to each server.
 */
import type { RoomName } from "../../../protocol/frame.js";
import { ANNOUNCEMENT_FORM, type Announcement, readAnnouncement, writeAnnouncement } from "./announcement.js";
import { channelName } from "./channel-name.js";
import { beginsWith, Envelope, OWN } from "./envelope.js";
import type { Incoming, Outgoing, Publication } from "./message.js";
import { MESSAGE_FORM, readMessage } from "./sharded-read.js";
import { beginMessage, writeMessage } from "./sharded-write.js";
import type { Wire, WireOptions } from "./wire.js";

/** Of a socket id; a room whose name is as long has no channel of its own, as in the adapter. */
const SOCKET_ID_CHARS = 20;

export class ShardedWire implements Wire {
  readonly mode = "sharded";
  readonly pattern = undefined;
  readonly hostChannel: string;
  readonly #uid: string;
  readonly #prefix: string;
  readonly #envelope: Envelope;
  /** How our own messages begin; those to a namespace or room that is here come back to us. */
  readonly #ownBeginning: Buffer;

  constructor(options: WireOptions) {
    this.#uid = options.uid;
    this.#ownBeginning = beginMessage(options.uid).take();
    this.#prefix = options.prefix;
    this.hostChannel = `${options.prefix}-holdfast#`;
    this.#envelope = new Envelope(options, (channel) => channel);
  }

  channelsOf(namespace: string): readonly string[] {
    const { all, holdfast } = this.countedChannels(namespace);
    return [all, this.answerChannel(namespace, this.#uid), holdfast];
  }

  answerChannel(namespace: string, uid: string): string {
    return `${this.#channelOf(namespace)}${uid}#`;
  }

  countedChannels(namespace: string): { readonly all: string; readonly holdfast: string } {
    return { all: this.#channelOf(namespace), holdfast: `${this.hostChannel}${namespace}#` };
  }

  roomChannel(namespace: string, room: RoomName): string | undefined {
    if (typeof room === "string" && room.length === SOCKET_ID_CHARS) return undefined;
    return channelName(`${this.#channelOf(namespace)}${room}#`);
  }

  forgetChannel(channel: string): void {
    this.#envelope.forgetChannel(channel);
  }

  read(channel: string, bytes: Buffer): Incoming {
    const envelope = this.#envelope;
    if (channel === this.hostChannel) return envelope.open(channel, bytes, ANNOUNCEMENT_FORM, readAnnouncement);
    if (beginsWith(bytes, this.#ownBeginning)) return OWN;
    const channelOf = (namespace: string) => this.#channelOf(namespace);
    return envelope.open(channel, bytes, MESSAGE_FORM, (fields, sender) =>
      readMessage(fields, sender, channel, channelOf),
    );
  }

  write(message: Outgoing): Publication {
    return this.#envelope.seal(this.#channelFor(message), writeMessage(this.#uid, message), message.host);
  }

  setFlowing(isFlowing: boolean): void {
    this.#envelope.setFlowing(isFlowing);
  }

  writeAnnouncement(announcement: Announcement): Publication {
    return this.#envelope.seal(this.hostChannel, writeAnnouncement(this.#uid, announcement));
  }

  #channelFor(message: Outgoing): string {
    const channel = this.#channelOf(message.namespace);
    if (message.kind === "response") return message.to === undefined ? channel : `${channel}${message.to}#`;
    if (message.kind !== "broadcast" || message.everywhere || message.address.rooms.length !== 1) return channel;
    return this.roomChannel(message.namespace, message.address.rooms[0] as RoomName) ?? channel;
  }

  #channelOf(namespace: string): string {
    return `${this.#prefix}#${namespace}#`;
  }
}
