/** Reads the classic wire format: what a message says, once its place, form and sender have been checked. */
import type { DecodedAddress, RoomName } from "../../../protocol/frame.js";
import { channelName } from "./channel-name.js";
import { ClassicType } from "./classic-type.js";
import type { Form, Sender } from "./envelope.js";
import { everybodyOf, OPTIONS_SHAPE, packedOrUndefined, readOptions, readPacket } from "./event-field.js";
import { HOST_FIELD } from "./host-part.js";
import type { Answer, Command, Incoming, Question } from "./message.js";
import type { Fields } from "./outline.js";
import { refuse } from "./refusal.js";

/** `[uid, packet, options, host part]` */
export const BROADCAST_FORM: Form = {
  shape: { 0: {}, 1: {}, 2: OPTIONS_SHAPE },
  uidField: "0",
  hostField: "3",
  isForAnyone: () => true,
};

export const REQUEST_FORM: Form = {
  shape: { opts: OPTIONS_SHAPE, packet: {} },
  uidField: "uid",
  hostField: HOST_FIELD,
  isForAnyone: () => false,
};

export const RESPONSE_FORM: Form = { ...REQUEST_FORM, shape: {} };

/** `channelOf` names the channel without room on which a namespace's broadcasts come. */
export function readBroadcast(
  fields: Fields,
  sender: Sender,
  channel: string,
  channelOf: (namespace: string) => string,
): Incoming {
  const packet = fields.map("1");
  const namespace = packet.optionalText("nsp") ?? "/";
  const { address, flags } = readOptions(fields.map("2"), namespace);
  if (!isFor(channel, channelOf(namespace), address.rooms)) refuse("wrong-channel");
  return { kind: "broadcast", namespace, ...sender, address, flags, args: readPacket(packet) };
}

/** One room is named by the channel too; a plain server takes the message only if it has that room. */
function isFor(channel: string, ofNamespace: string, rooms: readonly RoomName[]): boolean {
  return channel === ofNamespace || rooms.some((room) => channel === channelName(`${ofNamespace}${room}#`));
}

export function readRequest(fields: Fields, sender: Sender, namespace: string): Incoming {
  switch (fields.number("type")) {
    case ClassicType.join:
      return readCommand(fields, sender, namespace, () => ({ name: "join", rooms: roomsOf(fields) }));
    case ClassicType.leave:
      return readCommand(fields, sender, namespace, () => ({ name: "leave", rooms: roomsOf(fields) }));
    case ClassicType.disconnect:
      return readCommand(fields, sender, namespace, () => ({
        name: "disconnect",
        close: fields.flag("close") ?? false,
      }));
    case ClassicType.ids:
      return ask(fields, sender, { namespace, rooms: fields.list("rooms"), except: [] }, { name: "ids" });
    case ClassicType.rooms:
      return ask(fields, sender, everybodyOf(namespace), { name: "rooms" });
    case ClassicType.fetch:
      return ask(fields, sender, readOptions(fields.map("opts"), namespace).address, { name: "fetch" });
    case ClassicType.event:
      return readEvent(fields, sender, namespace);
    case ClassicType.emit:
      return readEmit(fields, sender, namespace);
    default:
      return refuse("unknown-type");
  }
}

export function readResponse(fields: Fields, sender: Sender, namespace: string): Incoming {
  const answer = readAnswer(fields);
  return { kind: "response", namespace, ...sender, requestId: fields.id("requestId"), answer };
}

/** Adapters before 6.1 named one socket and one room instead. */
function readCommand(fields: Fields, sender: Sender, namespace: string, read: () => Command): Incoming {
  const options = fields.optionalMap("opts");
  const address = options
    ? readOptions(options, namespace).address
    : { namespace, rooms: [fields.text("sid")], except: [] };
  const requestId = options ? undefined : fields.optionalId("requestId");
  return { kind: "command", namespace, ...sender, address, command: read(), requestId };
}

function roomsOf(fields: Fields): readonly RoomName[] {
  return fields.has("opts") ? fields.list("rooms") : [fields.item("room")];
}

function readEvent(fields: Fields, sender: Sender, namespace: string): Incoming {
  const args = fields.packedArray("data");
  if (!fields.has("requestId")) return { kind: "event", namespace, ...sender, args };
  return ask(fields, sender, everybodyOf(namespace), { name: "event", args });
}

function readEmit(fields: Fields, sender: Sender, namespace: string): Incoming {
  const { address, flags, timeoutMs } = readOptions(fields.map("opts"), namespace);
  const question: Question = { name: "emit", args: readPacket(fields.map("packet")), flags };
  return ask(fields, sender, address, question, timeoutMs);
}

function ask(
  fields: Fields,
  sender: Sender,
  address: DecodedAddress,
  question: Question,
  askersTimeoutMs?: number,
): Incoming {
  const timeoutMs = sender.host?.timeoutMs || askersTimeoutMs;
  const { namespace } = address;
  return { kind: "request", namespace, ...sender, requestId: fields.id("requestId"), address, question, timeoutMs };
}

/** Some name no type, but what they answer with; a value that is `undefined` is not there. */
function readAnswer(fields: Fields): Answer {
  switch (fields.amount("type")) {
    case ClassicType.clients:
      return { name: "clients", count: fields.count("clientCount") };
    case ClassicType.ack:
      return { name: "ack", value: packedOrUndefined(fields, "packet") };
    case ClassicType.event:
      return { name: "reply", value: packedOrUndefined(fields, "data") };
    case undefined:
      break;
    default:
      return refuse("unknown-type");
  }
  if (fields.has("sockets")) return { name: "sockets", sockets: fields.packedArray("sockets") };
  if (fields.has("rooms")) return { name: "rooms", rooms: fields.packedArray("rooms") };
  return { name: "carried-out" };
}
