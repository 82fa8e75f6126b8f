/**
 * Events sent to a parent namespace (`io.of(/^\/room-/).emit(…)`) reach its child namespaces in all workers. In one
 * process each child exists once; here a child exists only in the workers that have a client in it, so the event goes to
 * the parents of all workers, and each hands it to its own children.
 */
import type { Namespace, Server } from "socket.io";
import type { BroadcastFlags, BroadcastOptions, Room } from "socket.io-adapter";
import { Audience, type DecodedAddress } from "../protocol/frame.js";
import { type Heard, readAmongWorkers, sayAmongWorkers } from "./content.js";
import {
  createDecoderOf,
  EVENT,
  type Encoder,
  type EventPart,
  type Packet,
  RemoteEvent,
  toEventParts,
} from "./event.js";
import type { Exchange, NamespaceServer } from "./exchange.js";

interface ParentNamespace extends Namespace {
  readonly children: Set<Namespace>;
}

interface Addressed {
  readonly rooms: Room[];
  readonly except: Room[];
  readonly flags: BroadcastFlags;
}

interface ParentEvent extends Addressed {
  readonly parts: readonly EventPart[];
}

/** To be called before the app: makes the parent namespaces that it creates known to the other workers. */
export function connectParentNamespaces(io: Server, exchange: Exchange): void {
  const of = io.of.bind(io) as (...args: unknown[]) => Namespace;
  const known = new WeakSet<Namespace>();
  const seen = new Map<string, number>();
  io.of = ((matcher: unknown, ...rest: unknown[]) => {
    const namespace = of(matcher, ...rest);
    if (isParent(namespace) && !known.has(namespace)) {
      known.add(namespace);
      connect(namespace, nameOf(matcher, seen), exchange);
    }
    return namespace;
  }) as typeof io.of;
}

function connect(parent: ParentNamespace, name: string, exchange: Exchange): void {
  const { encoder } = parent.server as unknown as { encoder: Encoder };
  const createDecoder = createDecoderOf(parent.server);
  const server: NamespaceServer = {
    onBroadcast: () => {},
    onTextRun: () => {},
    onCommand: (_address: DecodedAddress, heard: Heard) => {
      const event = readAmongWorkers(heard);
      if (!isParentEvent(event)) return;
      const { parts, ...addressed } = event;
      deliver(parent, new RemoteEvent(parts, createDecoder).data, addressed);
    },
    onRequest: (_address, _question, respond) => respond(undefined, true),
  };
  const send = (data: unknown[], addressed: Addressed) => {
    const parts = toEventParts(encoder.encode({ type: EVENT, nsp: "/", data }));
    const everywhere = { namespace: name, rooms: [], except: [] };
    if (parts.length === 0) return;
    exchange.command(Audience.namespace, everywhere, () => sayAmongWorkers({ parts, ...addressed }, exchange.pack));
  };
  exchange.open(name, server);
  // Through the operator, which refuses reserved names and callbacks, to the adapter's broadcast below.
  parent.emit = (event: string, ...args: unknown[]) => parent.except([]).emit(event, ...args);
  parent.adapter.broadcast = ({ data }: Packet, { rooms, except = new Set(), flags = {} }: BroadcastOptions) => {
    const addressed = { rooms: [...rooms], except: [...except], flags };
    if (!flags.local) send(data, addressed);
    deliver(parent, data, addressed);
  };
}

function deliver(parent: ParentNamespace, data: unknown[], { rooms, except, flags }: Addressed): void {
  for (const child of parent.children) {
    const options = { rooms: new Set(rooms), except: new Set(except), flags: { ...flags, local: true } };
    child.adapter.broadcast({ type: EVENT, data }, options);
  }
}

function isParentEvent(value: unknown): value is ParentEvent {
  const { parts, rooms, except, flags } = (value ?? {}) as Partial<ParentEvent>;
  return [parts, rooms, except].every(Array.isArray) && typeof flags === "object" && flags !== null;
}

function isParent(namespace: Namespace): namespace is ParentNamespace {
  return "children" in namespace;
}

/**
 * Workers run the same app but may create namespaces in another order, so a parent is known by what it matches, and by
 * its turn among those that match the same.
 */
function nameOf(matcher: unknown, seen: Map<string, number>): string {
  const text = String(matcher);
  const turn = (seen.get(text) ?? 0) + 1;
  seen.set(text, turn);
  return `parent ${turn} ${text}`;
}
