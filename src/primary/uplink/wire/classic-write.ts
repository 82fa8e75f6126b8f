/**
 * Writes the classic wire format, all but the host part. In msgpack, also where @socket.io/redis-adapter writes JSON: it
 * has read either since 7.2, and binary values then arrive as such.
 */
import { ClassicType } from "./classic-type.js";
import { bytesOf, writeOptions, writePacket } from "./event-field.js";
import type { Command, Outgoing } from "./message.js";
import { MsgpackWriter } from "./msgpack-write.js";

/** What an envelope takes beside arguments and rooms. */
const ENVELOPE_BYTES = 384;

type Of<K extends Outgoing["kind"]> = Extract<Outgoing, { kind: K }>;

/** As each broadcast of a host begins. */
export function beginBroadcast(uid: string, bytes = ENVELOPE_BYTES): MsgpackWriter {
  return new MsgpackWriter(bytes).array(4).text(uid);
}

/** `[uid, packet, options]`, and a fourth that follows. */
export function writeBroadcast(uid: string, { namespace, address, flags, args, host }: Of<"broadcast">): MsgpackWriter {
  const bytes = ENVELOPE_BYTES + args.length + (host?.payloads?.[0]?.length ?? 0);
  const message = beginBroadcast(uid, bytes);
  writePacket(message, namespace, args);
  return writeOptions(message, address, flags);
}

export function writeCommand(uid: string, { command, address }: Of<"command">): MsgpackWriter {
  return writeOptions(writeCommandItself(begin(uid, ClassicType[command.name], 2), command).text("opts"), address);
}

export function writeEvent(uid: string, { args }: Of<"event">): MsgpackWriter {
  return begin(uid, ClassicType.event, 1, args.length).text("data").packed(args);
}

export function writeRequest(uid: string, { requestId, address, question, host }: Of<"request">): MsgpackWriter {
  const start = (fields: number, bytes = 0) =>
    begin(uid, ClassicType[question.name], fields + 1, bytes)
      .text("requestId")
      .text(requestId);
  switch (question.name) {
    case "ids":
      return start(1).text("rooms").list(address.rooms);
    case "rooms":
      return start(0);
    case "fetch":
      return writeOptions(start(1).text("opts"), address);
    case "event":
      return start(1, question.args.length).text("data").packed(question.args);
    case "emit": {
      const message = start(2, question.args.length).text("packet");
      writePacket(message, address.namespace, question.args).text("opts");
      return writeOptions(message, address, question.flags, host?.timeoutMs);
    }
  }
}

export function writeResponse({ requestId, answer }: Of<"response">): MsgpackWriter {
  const start = (fields: number, bytes = 0) =>
    new MsgpackWriter(ENVELOPE_BYTES + bytes)
      .map(fields + 2)
      .text("requestId")
      .text(requestId);
  switch (answer.name) {
    case "fetch":
    case "ids":
      return start(1, bytesOf(answer.arrays)).text("sockets").joined(answer.arrays);
    case "rooms":
      return start(1, bytesOf(answer.arrays)).text("rooms").joined(answer.arrays);
    case "reply":
      return typed(start(2, answer.value.length), ClassicType.event).text("data").packed(answer.value);
    case "clients":
      return typed(start(2), ClassicType.clients).text("clientCount").number(answer.count);
    case "ack":
      return typed(start(2, answer.value.length), ClassicType.ack).text("packet").packed(answer.value);
    case "carried-out":
      return start(0);
  }
}

function begin(uid: string, type: number, fields: number, bytes = 0): MsgpackWriter {
  const message = new MsgpackWriter(ENVELOPE_BYTES + bytes)
    .map(fields + 3)
    .text("uid")
    .text(uid);
  return typed(message, type);
}

function typed(message: MsgpackWriter, type: number): MsgpackWriter {
  return message.text("type").number(type);
}

function writeCommandItself(message: MsgpackWriter, command: Command): MsgpackWriter {
  return command.name === "disconnect"
    ? message.text("close").boolean(command.close)
    : message.text("rooms").list(command.rooms);
}
