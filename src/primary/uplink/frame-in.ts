/**
 * Frames for the switch, made of what Redis brought: as another worker would have sent them, but for what plain servers
 * wrote, which workers unpack. Runs in the primary; what is packed stays so.
 */
import { Encoding, packFlags, Verb } from "../../protocol/content.js";
import { type Address, Audience, FrameBatch, FrameKind } from "../../protocol/frame.js";
import { RecoveryKind } from "../../protocol/recovery-frame.js";
import type { Packed } from "../../protocol/packed.js";
import type { IncomingBroadcast, IncomingCommand, IncomingEvent, IncomingRequest, Question } from "./wire/message.js";

const NOBODY_NAMED = { rooms: [], except: [] };
const NO_BYTES = Buffer.alloc(0);

export class FrameWriter {
  readonly #batch = new FrameBatch();

  /** What comes behind it has this number in the sequence of who has sent it. */
  origin(uid: string, number: number): Buffer {
    return this.#end(this.#batch.begin(RecoveryKind.origin).text(uid).count(number));
  }

  broadcast({ address, flags, args, host }: IncomingBroadcast): Buffer {
    const frame = this.#batch.begin(FrameKind.broadcast).number(0).address(address).byte(packFlags(flags));
    return this.#end(writeArguments(frame, args, host?.payloads[0]));
  }

  command({ address, command }: IncomingCommand): Buffer {
    const { name } = command;
    const frame = this.#command(name === "join" ? Audience.joining : Audience.members, address);
    frame.byte(Verb[name]).byte(Encoding.own);
    if (command.name === "disconnect") frame.byte(command.close ? 1 : 0);
    else frame.rooms(command.rooms);
    return this.#end(frame);
  }

  event({ namespace, args, host }: IncomingEvent): Buffer {
    const frame = this.#command(Audience.namespace, { namespace, ...NOBODY_NAMED }).byte(Verb.event);
    return this.#end(writeArguments(frame, args, host?.payloads[0]));
  }

  request(id: number, timeoutMs: number, { address, question, host }: IncomingRequest): Buffer {
    const frame = this.#batch.begin(FrameKind.request).number(id).number(0).number(timeoutMs);
    frame.byte(isForAll(question) ? Audience.namespace : Audience.members).address(address);
    frame.byte(Verb[question.name]);
    return this.#end(writeQuestion(frame, question, host?.payloads[0], host !== undefined));
  }

  response(id: number, encoding: number, payload: Buffer): Buffer {
    const frame = this.#batch.begin(FrameKind.response).number(id).byte(0).byte(encoding);
    return this.#end(frame.bytes(payload));
  }

  /** All others have answered that will. */
  lastResponse(id: number): Buffer {
    return this.#end(this.#batch.begin(FrameKind.response).number(id).byte(1).byte(Encoding.own));
  }

  #command(audience: Audience, address: Address): FrameBatch {
    return this.#batch.begin(FrameKind.command).number(0).byte(audience).address(address);
  }

  #end(frame: FrameBatch): Buffer {
    frame.end();
    const [first = NO_BYTES, ...rest] = frame.take();
    if (rest.length > 0) return Buffer.concat([first, ...rest]);
    return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
  }
}

export function encodingOf({ encoding }: Packed): number {
  return Encoding[encoding];
}

/** All servers are asked for their rooms, and hear a `serverSideEmit`. */
function isForAll({ name }: Question): boolean {
  return name === "rooms" || name === "event";
}

/** What another host's worker wrote for workers says more than what it packed. */
function writeArguments(frame: FrameBatch, args: Packed, own: Buffer | undefined): FrameBatch {
  return own ? frame.byte(Encoding.own).bytes(own) : frame.byte(encodingOf(args)).bytes(args.bytes);
}

function writeQuestion(frame: FrameBatch, question: Question, own: Buffer | undefined, isHost: boolean): FrameBatch {
  switch (question.name) {
    case "event":
      return writeArguments(frame, question.args, own);
    case "emit":
      if (own) return frame.byte(Encoding.own).bytes(own);
      return frame.byte(encodingOf(question.args)).byte(packFlags(question.flags)).bytes(question.args.bytes);
    default:
      // The encoding says how to answer.
      return frame.byte(isHost ? Encoding.own : Encoding.msgpack);
  }
}
