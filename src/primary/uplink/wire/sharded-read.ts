/** Reads the sharded wire format: what a message says, once its place, form and sender have been checked. */
import type { DecodedAddress } from "../../../protocol/frame.js";
import type { Form, Sender } from "./envelope.js";
import { everybodyOf, OPTIONS_SHAPE, packedOrUndefined, readOptions, readPacket } from "./event-field.js";
import { HOST_FIELD } from "./host-part.js";
import type { Answer, Command, Incoming, Question } from "./message.js";
import type { Fields } from "./outline.js";
import { refuse } from "./refusal.js";
import { ShardedType } from "./sharded-type.js";

/** `{ uid, nsp, type, data, host part }`; `packet` is a map in broadcasts and a value of any kind elsewhere. */
export const MESSAGE_FORM: Form = {
  shape: { data: { opts: OPTIONS_SHAPE, packet: {} } },
  uidField: "uid",
  hostField: HOST_FIELD,
  isForAnyone: (fields) => fields.amount("type") === ShardedType.broadcast && !fields.map("data").has("requestId"),
};

/** A message between the envelope and its meaning. */
interface Opened {
  readonly namespace: string;
  readonly sender: Sender;
  readonly data: Fields;
}

/** `channelOf` names the channel with which all those of a namespace begin. */
export function readMessage(
  fields: Fields,
  sender: Sender,
  channel: string,
  channelOf: (namespace: string) => string,
): Incoming {
  const namespace = fields.text("nsp");
  if (!channel.startsWith(channelOf(namespace))) refuse("wrong-channel");
  return interpret(fields.number("type"), { namespace, sender, data: fields.map("data") });
}

function interpret(type: number, message: Opened): Incoming {
  const { data } = message;
  switch (type) {
    case ShardedType.broadcast:
      return readBroadcast(message);
    case ShardedType.join:
      return command(message, { name: "join", rooms: data.list("rooms") });
    case ShardedType.leave:
      return command(message, { name: "leave", rooms: data.list("rooms") });
    case ShardedType.disconnect:
      return command(message, { name: "disconnect", close: data.flag("close") ?? false });
    case ShardedType.fetch:
      return askMembers(message, { name: "fetch" });
    case ShardedType.ids:
      return askMembers(message, { name: "ids" });
    case ShardedType.rooms:
      return ask(message, everybodyOf(message.namespace), { name: "rooms" });
    case ShardedType.event:
      return readEvent(message);
    default:
      return readResponse(type, message);
  }
}

function readBroadcast(message: Opened): Incoming {
  const { namespace, sender, data } = message;
  const { address, flags, timeoutMs } = readOptions(data.map("opts"), namespace);
  const args = readPacket(data.map("packet"));
  if (!data.has("requestId")) return { kind: "broadcast", namespace, ...sender, address, flags, args };
  return ask(message, address, { name: "emit", args, flags }, timeoutMs);
}

function readEvent(message: Opened): Incoming {
  const { namespace, sender, data } = message;
  const args = data.packedArray("packet");
  if (!data.has("requestId")) return { kind: "event", namespace, ...sender, args };
  return ask(message, everybodyOf(namespace), { name: "event", args });
}

function command({ namespace, sender, data }: Opened, one: Command): Incoming {
  const { address } = readOptions(data.map("opts"), namespace);
  return { kind: "command", namespace, ...sender, address, command: one, requestId: undefined };
}

function askMembers(message: Opened, question: Question): Incoming {
  const { address, timeoutMs } = readOptions(message.data.map("opts"), message.namespace);
  return ask(message, address, question, timeoutMs);
}

function ask(message: Opened, address: DecodedAddress, question: Question, askersTimeoutMs?: number): Incoming {
  const { namespace, sender, data } = message;
  const timeoutMs = sender.host?.timeoutMs || askersTimeoutMs;
  return { kind: "request", namespace, ...sender, requestId: data.id("requestId"), address, question, timeoutMs };
}

function readResponse(type: number, { namespace, sender, data }: Opened): Incoming {
  const answer = readAnswer(type, data);
  return { kind: "response", namespace, ...sender, requestId: data.id("requestId"), answer };
}

function readAnswer(type: number, data: Fields): Answer {
  switch (type) {
    case ShardedType.fetchAnswer:
    case ShardedType.idsAnswer:
      return { name: "sockets", sockets: data.packedArray("sockets") };
    case ShardedType.roomsAnswer:
      return { name: "rooms", rooms: data.packedArray("rooms") };
    case ShardedType.reply:
      return { name: "reply", value: packedOrUndefined(data, "packet") };
    case ShardedType.ack:
      return { name: "ack", value: packedOrUndefined(data, "packet") };
    case ShardedType.clients:
      return { name: "clients", count: data.count("clientCount") };
    default:
      return refuse("unknown-type");
  }
}
