/** Writes the sharded wire format, all but the host part. Always in msgpack, which every adapter of this format reads. */
import { bytesOf, writeOptions, writePacket } from "./event-field.js";
import type { Outgoing } from "./message.js";
import { MsgpackWriter } from "./msgpack-write.js";
import { ShardedType } from "./sharded-type.js";

/** What an envelope takes beside arguments and rooms. */
const ENVELOPE_BYTES = 384;

type Of<K extends Outgoing["kind"]> = Extract<Outgoing, { kind: K }>;

/** Begins a message of a type, up to the data, which has so many fields and takes so many bytes. */
type Begin = (type: number, dataFields: number, bytes?: number) => MsgpackWriter;

/** As each message of a host begins. */
export function beginMessage(uid: string, bytes = ENVELOPE_BYTES): MsgpackWriter {
  return new MsgpackWriter(bytes).map(5).text("uid").text(uid);
}

export function writeMessage(uid: string, message: Outgoing): MsgpackWriter {
  const begin: Begin = (type, dataFields, bytes = 0) => {
    return beginMessage(uid, ENVELOPE_BYTES + bytes)
      .text("nsp")
      .text(message.namespace)
      .text("type")
      .number(type)
      .text("data")
      .map(dataFields);
  };
  switch (message.kind) {
    case "broadcast":
      return writeBroadcast(begin, message);
    case "command":
      return writeCommand(begin, message);
    case "event":
      return begin(ShardedType.event, 1, message.args.length).text("packet").packed(message.args);
    case "request":
      return writeRequest(begin, message);
    case "response":
      return writeResponse(begin, message);
  }
}

function writeBroadcast(begin: Begin, { namespace, address, flags, args, host }: Of<"broadcast">): MsgpackWriter {
  const bytes = args.length + (host?.payloads?.[0]?.length ?? 0);
  const message = begin(ShardedType.broadcast, 2, bytes).text("packet");
  return writeOptions(writePacket(message, namespace, args).text("opts"), address, flags);
}

function writeCommand(begin: Begin, { address, command }: Of<"command">): MsgpackWriter {
  const message = writeOptions(begin(ShardedType[command.name], 2).text("opts"), address);
  return command.name === "disconnect"
    ? message.text("close").boolean(command.close)
    : message.text("rooms").list(command.rooms);
}

function writeRequest(begin: Begin, { requestId, address, question, host }: Of<"request">): MsgpackWriter {
  const start: Begin = (...head) =>
    begin(...head)
      .text("requestId")
      .text(requestId);
  switch (question.name) {
    case "fetch":
    case "ids":
      return writeOptions(start(ShardedType[question.name], 2).text("opts"), address);
    case "rooms":
      return start(ShardedType.rooms, 1);
    case "event":
      return start(ShardedType.event, 2, question.args.length).text("packet").packed(question.args);
    case "emit": {
      const message = start(ShardedType.broadcast, 3, question.args.length).text("packet");
      writePacket(message, address.namespace, question.args).text("opts");
      return writeOptions(message, address, question.flags, host?.timeoutMs);
    }
  }
}

function writeResponse(begin: Begin, { requestId, answer }: Of<"response">): MsgpackWriter {
  const start: Begin = (...head) =>
    begin(...head)
      .text("requestId")
      .text(requestId);
  switch (answer.name) {
    case "fetch":
      return start(ShardedType.fetchAnswer, 2, bytesOf(answer.arrays)).text("sockets").joined(answer.arrays);
    case "ids":
      return start(ShardedType.idsAnswer, 2, bytesOf(answer.arrays)).text("sockets").joined(answer.arrays);
    case "rooms":
      return start(ShardedType.roomsAnswer, 2, bytesOf(answer.arrays)).text("rooms").joined(answer.arrays);
    case "reply":
      return start(ShardedType.reply, 2, answer.value.length).text("packet").packed(answer.value);
    case "ack":
      return start(ShardedType.ack, 2, answer.value.length).text("packet").packed(answer.value);
    case "clients":
      return start(ShardedType.clients, 2).text("clientCount").number(answer.count);
    case "carried-out":
      throw new TypeError("the sharded format has no answer to a command");
  }
}
