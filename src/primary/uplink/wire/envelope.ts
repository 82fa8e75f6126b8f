/**
 * What both wire formats do alike with a message's bytes: numbering, signing and finishing what is written; of what is read,
 * checking its size and form and who has written it.
 */
import { HOST_FIELD, readHostPart, type SignedHostPart, writeHostPart } from "./host-part.js";
import { JsonWalk } from "./json-walk.js";
import type { HostPart, HostPartToWrite, Incoming, Publication } from "./message.js";
import { MsgpackWalk } from "./msgpack-walk.js";
import type { MsgpackWriter } from "./msgpack-write.js";
import { Fields, type Shape } from "./outline.js";
import { Refusal, refuse } from "./refusal.js";
import { type Gap, NO_GAP, SequenceCheck, SequenceCounter } from "./sequence.js";
import { isSigned, sign } from "./signature.js";
import type { WireOptions } from "./wire.js";

export const DEFAULT_MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Who has sent a message. */
export interface Sender {
  readonly uid: string | undefined;
  readonly host: HostPart | undefined;
}

/** Where a form of message says who has sent it. */
export interface Form {
  readonly shape: Shape;
  readonly uidField: string;
  readonly hostField: string;
  /** Believed of anyone, as broadcasts are; everything else, where a secret is set, of those that know it. */
  isForAnyone(fields: Fields): boolean;
}

const OPEN_BRACE = 0x7b;
export const OWN: Incoming = { kind: "own" };

/** Tells what we wrote ourselves by how it begins, without a walk. What is taken for ours so is ignored as ours is. */
export function beginsWith(bytes: Buffer, beginning: Buffer): boolean {
  const { length } = beginning;
  return bytes.length > length && bytes.compare(beginning, 0, length, 0, length) === 0;
}

export class Envelope {
  readonly #options: WireOptions;
  readonly #streamOf: (channel: string) => string;
  readonly #counter = new SequenceCounter();
  readonly #check = new SequenceCheck();

  /** `streamOf` names the stream that a channel belongs to, see sequence.ts. */
  constructor(options: WireOptions, streamOf: (channel: string) => string) {
    this.#options = options;
    this.#streamOf = streamOf;
  }

  /** Adds the host part as the last field, named where the message is a map; its head counts that field already. */
  seal(
    channel: string,
    message: MsgpackWriter,
    part: HostPartToWrite = {},
    field: "named" | "unnamed" = "named",
  ): Publication {
    const { uid, secret } = this.#options;
    const place = this.#counter.next(this.#streamOf(channel), part.number);
    if (field === "named") message.text(HOST_FIELD);
    const bytes = message.blob(writeHostPart(uid, place, part, secret !== undefined)).take();
    if (secret !== undefined) sign(secret, channel, bytes);
    return { channel, bytes };
  }

  /** Answers what `interpret` makes of the message, or why it is not believed: what is thrown on the way ends here. */
  open(channel: string, bytes: Buffer, form: Form, interpret: (fields: Fields, sender: Sender) => Incoming): Incoming {
    try {
      if (bytes.length > (this.#options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES)) refuse("too-large");
      const walk = bytes[0] === OPEN_BRACE ? new JsonWalk(bytes) : new MsgpackWalk(bytes);
      const fields = new Fields(walk, walk.outline(form.shape));
      const sender = this.#senderOf(channel, bytes, form, fields);
      return sender === "own" ? OWN : interpret(fields, sender);
    } catch (error) {
      return refused(error);
    }
  }

  setFlowing(isFlowing: boolean): void {
    this.#counter.setFlowing(isFlowing);
  }

  forgetChannel(channel: string): void {
    this.#check.forget(this.#streamOf(channel));
  }

  #senderOf(channel: string, bytes: Buffer, form: Form, fields: Fields): Sender | "own" {
    const uid = fields.optionalId(form.uidField);
    if (uid === this.#options.uid) return "own";
    const forAnyone = form.isForAnyone(fields);
    const part = readPart(fields.trailer(form.hostField), forAnyone);
    if (part?.uid === this.#options.uid) return "own";
    if (!part || !this.#isBelieved(channel, bytes, part)) {
      return this.#options.secret === undefined || forAnyone ? { uid, host: undefined } : refuse("unsigned");
    }
    if (uid !== undefined && uid !== part.uid) refuse("wrong-shape");
    const { sequence, number, timeoutMs, answered, lost, last, payloads } = part;
    const gap = this.#gapBefore(channel, part);
    return {
      uid: part.uid,
      host: { uid: part.uid, sequence, number, gap, timeoutMs, answered, lost, last, payloads },
    };
  }

  #isBelieved(channel: string, bytes: Buffer, part: SignedHostPart): boolean {
    const { secret } = this.#options;
    if (secret === undefined) return true;
    if (!part.signed) return false;
    return isSigned(secret, channel, bytes) || refuse("wrong-signature");
  }

  #gapBefore(channel: string, part: SignedHostPart): Gap {
    const stream = this.#streamOf(channel);
    const gap = this.#check.gapBefore(stream, part.uid, part);
    if (gap) return gap;
    if (this.#options.secret !== undefined) refuse("replayed");
    // Anybody can have sent the higher number, and the host's own messages are not to suffer for it.
    this.#check.restart(stream, part.uid, part);
    return NO_GAP;
  }
}

/** What a Holdfast of another version broadcasts is as good as what a plain server does. */
function readPart(field: Buffer | undefined, forAnyone: boolean): SignedHostPart | undefined {
  try {
    return field && readHostPart(field);
  } catch (error) {
    if (forAnyone && error instanceof Refusal && error.reason === "other-version") return undefined;
    throw error;
  }
}

function refused(error: unknown): Incoming {
  if (!(error instanceof Refusal)) return { kind: "refused", reason: "malformed" };
  const { reason, version } = error;
  return { kind: "refused", reason, ...(version !== undefined && { version }) };
}
