/**
 * The wire format of @socket.io/redis-adapter's `createAdapter`, and of redis-emitter: broadcasts by pattern, requests on
 * one channel of each namespace, responses on another or on the asker's own.
 */
import { ANNOUNCEMENT_FORM, type Announcement, readAnnouncement, writeAnnouncement } from "./announcement.js";
import { channelName } from "./channel-name.js";
import {
  BROADCAST_FORM,
  REQUEST_FORM,
  RESPONSE_FORM,
  readBroadcast,
  readRequest,
  readResponse,
} from "./classic-read.js";
import {
  beginBroadcast,
  writeBroadcast,
  writeCommand,
  writeEvent,
  writeRequest,
  writeResponse,
} from "./classic-write.js";
import { beginsWith, Envelope, OWN } from "./envelope.js";
import type { Incoming, Outgoing, Publication } from "./message.js";
import type { Wire, WireOptions } from "./wire.js";

export class ClassicWire implements Wire {
  readonly mode = "classic";
  readonly pattern: string;
  readonly hostChannel: string;
  readonly #uid: string;
  readonly #broadcasts: string;
  readonly #requests: string;
  readonly #responses: string;
  readonly #envelope: Envelope;
  /** How our own broadcasts begin; each comes back to us. */
  readonly #ownBeginning: Buffer;

  constructor(options: WireOptions) {
    const { prefix, uid } = options;
    this.#uid = uid;
    this.#ownBeginning = beginBroadcast(uid).take();
    this.#broadcasts = `${prefix}#`;
    this.#requests = `${prefix}-request#`;
    this.#responses = `${prefix}-response#`;
    this.hostChannel = `${prefix}-holdfast#`;
    this.pattern = `${prefix.replace(/[\\*?[\]]/g, "\\$&")}#*`;
    // Each host gets all broadcasts, by the pattern.
    const streamOf = (channel: string) => (channel.startsWith(this.#broadcasts) ? this.#broadcasts : channel);
    this.#envelope = new Envelope(options, streamOf);
  }

  channelsOf(namespace: string): readonly string[] {
    const { all, holdfast } = this.countedChannels(namespace);
    return [all, `${this.#responses}${namespace}#`, this.answerChannel(namespace, this.#uid), holdfast];
  }

  answerChannel(namespace: string, uid: string): string {
    return `${this.#responses}${namespace}#${uid}#`;
  }

  countedChannels(namespace: string): { readonly all: string; readonly holdfast: string } {
    return { all: `${this.#requests}${namespace}#`, holdfast: `${this.hostChannel}${namespace}#` };
  }

  roomChannel(): undefined {}

  forgetChannel(channel: string): void {
    if (!channel.startsWith(this.#broadcasts)) this.#envelope.forgetChannel(channel);
  }

  read(channel: string, bytes: Buffer): Incoming {
    const envelope = this.#envelope;
    if (channel.startsWith(this.#broadcasts)) {
      if (beginsWith(bytes, this.#ownBeginning)) return OWN;
      const channelOf = (namespace: string) => `${this.#broadcasts}${namespace}#`;
      return envelope.open(channel, bytes, BROADCAST_FORM, (fields, sender) =>
        readBroadcast(fields, sender, channel, channelOf),
      );
    }
    if (channel.startsWith(this.#requests)) {
      const namespace = channel.slice(this.#requests.length, -1);
      return envelope.open(channel, bytes, REQUEST_FORM, (fields, sender) => readRequest(fields, sender, namespace));
    }
    if (channel.startsWith(this.#responses)) {
      const namespace = this.#namespaceOfResponses(channel);
      return envelope.open(channel, bytes, RESPONSE_FORM, (fields, sender) => readResponse(fields, sender, namespace));
    }
    if (channel === this.hostChannel) return envelope.open(channel, bytes, ANNOUNCEMENT_FORM, readAnnouncement);
    return { kind: "refused", reason: "wrong-channel" };
  }

  write(message: Outgoing): Publication {
    const uid = this.#uid;
    const { namespace, host } = message;
    const requests = `${this.#requests}${namespace}#`;
    switch (message.kind) {
      case "broadcast":
        return this.#envelope.seal(this.#broadcastChannel(message), writeBroadcast(uid, message), host, "unnamed");
      case "command":
        return this.#envelope.seal(requests, writeCommand(uid, message), host);
      case "event":
        return this.#envelope.seal(requests, writeEvent(uid, message), { number: 0, ...host });
      case "request":
        return this.#envelope.seal(requests, writeRequest(uid, message), { number: 0, ...host });
      case "response":
        return this.#envelope.seal(this.#responseChannel(namespace, message.to), writeResponse(message), {
          number: 0,
          ...host,
        });
    }
  }

  setFlowing(isFlowing: boolean): void {
    this.#envelope.setFlowing(isFlowing);
  }

  writeAnnouncement(announcement: Announcement): Publication {
    return this.#envelope.seal(this.hostChannel, writeAnnouncement(this.#uid, announcement));
  }

  #broadcastChannel({ namespace, address }: Extract<Outgoing, { kind: "broadcast" }>): string {
    const { rooms } = address;
    return channelName(`${this.#broadcasts}${namespace}#${rooms.length === 1 ? `${rooms[0]}#` : ""}`);
  }

  #responseChannel(namespace: string, to: string | undefined): string {
    return `${this.#responses}${namespace}#${to === undefined ? "" : `${to}#`}`;
  }

  #namespaceOfResponses(channel: string): string {
    const own = `#${this.#uid}#`;
    return channel.slice(this.#responses.length, channel.endsWith(own) ? -own.length : -1);
  }
}
