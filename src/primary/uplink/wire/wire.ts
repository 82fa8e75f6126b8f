/**
 * The contract of a wire format: which channels there are, and how messages are read and written. Two implementations,
 * classic.ts and sharded.ts, are @socket.io/redis-adapter's two. Knows neither Redis nor the switch; all it remembers is how far each sender has counted.
 */
import type { RoomName } from "../../../protocol/frame.js";
import type { Incoming, IncomingAnnouncement, Outgoing, Publication } from "./message.js";

export interface WireOptions {
  /** The settings' `--redis-prefix`. */
  readonly prefix: string;
  /** This host's, random per boot, at most 64 characters. */
  readonly uid: string;
  /** The settings' `--redis-secret`. */
  readonly secret?: string;
  readonly maxMessageBytes?: number;
}

export interface Wire {
  readonly mode: "classic" | "sharded";
  /** To be subscribed once for each host, whatever it serves. */
  readonly hostChannel: string;
  /** Classic: the glob that brings every broadcast of the prefix. */
  readonly pattern: string | undefined;
  /** To be subscribed while the host serves the namespace; what is asked and answered comes there. */
  channelsOf(namespace: string): readonly string[];
  /** Whose subscribers are all servers of the namespace, and whose are Holdfast's: the difference is the plain ones. */
  countedChannels(namespace: string): { readonly all: string; readonly holdfast: string };
  /** Whose only subscriber is that host, while it serves the namespace. */
  answerChannel(namespace: string, uid: string): string;
  /** Sharded: to be subscribed while the host has a member; undefined where the namespace's channel brings its messages. */
  roomChannel(namespace: string, room: RoomName): string | undefined;
  /** Never throws; of a message that cannot be believed it says why. `bytes` are kept by what is returned. */
  read(channel: string, bytes: Buffer): Incoming;
  /** Numbers and signs what it writes, so everything written is to be published, in order; what is not is told as lost. */
  write(message: Outgoing): Publication;
  /** False: what is written from now on waits and may be dropped, and what was written just before may have been. */
  setFlowing(isFlowing: boolean): void;
  writeAnnouncement(announcement: Omit<IncomingAnnouncement, "kind" | "uid">): Publication;
  /** A channel is no longer subscribed: what is missed there from now on is not missing. */
  forgetChannel(channel: string): void;
}
