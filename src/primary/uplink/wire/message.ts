/**
 * What hosts tell each other through Redis, free of how it is written: classic.ts and sharded.ts turn bytes into these and
 * these into bytes. Runs in the primary; arguments, answers and acknowledgements stay packed.
 */
import type { DecodedAddress, RoomName } from "../../../protocol/frame.js";
import type { Packed } from "../../../protocol/packed.js";
import type { Gap } from "./sequence.js";

export interface Flags {
  readonly volatile?: boolean;
  readonly compress?: boolean;
}

/**
 * What Holdfast hosts add for each other and plain servers ignore. Read only from messages that a host of this version
 * wrote and, with a secret, signed.
 */
export interface HostPart {
  /** The sender's uid, random per boot. */
  readonly uid: string;
  /** Rises by one with each message of this sender on a stream of channels, see sequence.ts. */
  readonly sequence: number;
  /** On broadcasts and commands that the sender keeps for clients that come back: its number there. 0: it does not. */
  readonly number: number;
  /** What of this sender has been lost since its last message on this stream. */
  readonly gap: Gap;
  /** On requests: how long the asking worker waits; 0 on everything else. */
  readonly timeoutMs: number;
  /** On responses: how many workers of the host have answered, how many were lost, and whether this is its last word. */
  readonly answered: number;
  readonly lost: number;
  readonly last: boolean;
  /** The workers' own payloads (see worker/codec.ts): of the asking worker, or one per answer. */
  readonly payloads: readonly Buffer[];
}

/** What is given to write; uid and sequence are the wire's own. */
export type HostPartToWrite = Partial<Omit<HostPart, "uid" | "sequence" | "gap">>;

export type Question =
  | { readonly name: "fetch" | "ids" | "rooms" }
  /** `serverSideEmit` with an acknowledgement; `args` is an array, the event's name first. */
  | { readonly name: "event"; readonly args: Packed }
  /** A broadcast with acknowledgements. */
  | { readonly name: "emit"; readonly args: Packed; readonly flags: Flags };

export type Answer =
  /** To `fetch`: an array of `{ id, handshake, rooms, data }`; to `ids`: of socket ids. Both are written alike. */
  | { readonly name: "sockets"; readonly sockets: Packed }
  | { readonly name: "rooms"; readonly rooms: Packed }
  /** To `event`. */
  | { readonly name: "reply"; readonly value: Packed }
  /** To `emit`, first: how many clients were asked. */
  | { readonly name: "clients"; readonly count: number }
  /** To `emit`, once for each client: the first value that it acknowledged with. */
  | { readonly name: "ack"; readonly value: Packed }
  /** To a command that named a `requestId`, as adapters before 6.1 sent them. */
  | { readonly name: "carried-out" };

/** A command for sockets. With `requestId`, one that names a single socket and awaits `carried-out` (before 6.1). */
export type Command =
  | { readonly name: "join" | "leave"; readonly rooms: readonly RoomName[] }
  | { readonly name: "disconnect"; readonly close: boolean };

interface FromAnyone {
  readonly namespace: string;
  /** Undefined where the sender did not say: redis-emitter's commands, classic responses of plain servers. */
  readonly uid: string | undefined;
  /** Undefined: a plain server or an emitter. */
  readonly host: HostPart | undefined;
}

export interface IncomingBroadcast extends FromAnyone {
  readonly kind: "broadcast";
  readonly address: DecodedAddress;
  readonly flags: Flags;
  /** An array, the event's name first. */
  readonly args: Packed;
}

export interface IncomingCommand extends FromAnyone {
  readonly kind: "command";
  readonly address: DecodedAddress;
  readonly command: Command;
  readonly requestId: string | undefined;
}

/** `serverSideEmit` without an acknowledgement. */
export interface IncomingEvent extends FromAnyone {
  readonly kind: "event";
  readonly args: Packed;
}

export interface IncomingRequest extends FromAnyone {
  readonly kind: "request";
  readonly requestId: string;
  readonly address: DecodedAddress;
  readonly question: Question;
  /** How long the asker waits, where it says so. */
  readonly timeoutMs: number | undefined;
}

export interface IncomingResponse extends FromAnyone {
  readonly kind: "response";
  readonly requestId: string;
  readonly answer: Answer;
}

/** A host's word about itself, see announcement.ts. */
export interface IncomingAnnouncement {
  readonly kind: "announcement";
  readonly uid: string;
  /** The host's id and Holdfast's release, for people. */
  readonly hostId: string;
  readonly release: string;
  /** What the ids of its sessions begin with, and the URL of where requests for them are taken; empty: nowhere. */
  readonly tag: string;
  readonly address: string;
  /** Its last: it stops. */
  readonly goodbye: boolean;
  /** How many workers serve each namespace. */
  readonly workers: ReadonlyMap<string, number>;
}

export type RefusalReason =
  | "too-large"
  /** Not one whole value of msgpack or JSON. */
  | "malformed"
  | "too-deep"
  /** A field is missing or of another kind. */
  | "wrong-shape"
  | "unknown-type"
  /** It belongs to another namespace than its channel, or to another prefix. */
  | "wrong-channel"
  /** A secret is set, and this is no broadcast. */
  | "unsigned"
  | "wrong-signature"
  /** Signed, and not newer than what its sender has sent on this stream. */
  | "replayed"
  /** Of a Holdfast whose hosts say more or less than this one's. */
  | "other-version";

export interface Refused {
  readonly kind: "refused";
  readonly reason: RefusalReason;
  /** With `other-version`: that version. */
  readonly version?: number;
}

export type Incoming =
  | IncomingBroadcast
  | IncomingCommand
  | IncomingEvent
  | IncomingRequest
  | IncomingResponse
  | IncomingAnnouncement
  /** This host's own, back from Redis. */
  | { readonly kind: "own" }
  | Refused;

interface FromHere {
  readonly namespace: string;
  readonly host?: HostPartToWrite;
}

/** One value as a worker has packed it (worker/packer.ts). */
export type MsgpackBytes = Buffer;

export type Outgoing =
  | (FromHere & {
      readonly kind: "broadcast";
      readonly address: DecodedAddress;
      readonly flags: Flags;
      readonly args: MsgpackBytes;
      /** Sharded: by the channel that all servers of the namespace hear, also when one room is addressed. */
      readonly everywhere?: boolean;
    })
  | (FromHere & { readonly kind: "command"; readonly address: DecodedAddress; readonly command: Command })
  | (FromHere & { readonly kind: "event"; readonly args: MsgpackBytes })
  | (FromHere & {
      readonly kind: "request";
      readonly requestId: string;
      readonly address: DecodedAddress;
      readonly question: OutgoingQuestion;
    })
  | (FromHere & {
      readonly kind: "response";
      readonly requestId: string;
      /** The asker's uid; undefined when it did not say. */
      readonly to: string | undefined;
      readonly answer: OutgoingAnswer;
    });

export type OutgoingQuestion =
  | { readonly name: "fetch" | "ids" | "rooms" }
  | { readonly name: "event"; readonly args: MsgpackBytes }
  | { readonly name: "emit"; readonly args: MsgpackBytes; readonly flags: Flags };

export type OutgoingAnswer =
  /** One array per worker; they are joined as they are written. */
  | { readonly name: "fetch" | "ids" | "rooms"; readonly arrays: readonly MsgpackBytes[] }
  | { readonly name: "reply"; readonly value: MsgpackBytes }
  | { readonly name: "clients"; readonly count: number }
  | { readonly name: "ack"; readonly value: MsgpackBytes }
  | { readonly name: "carried-out" };

export interface Publication {
  readonly channel: string;
  readonly bytes: Buffer;
}
