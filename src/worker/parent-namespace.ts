/**
 * Events sent to a parent namespace (`io.of(/^\/room-/).emit(…)`) reach its child namespaces in all workers. In one
 * process each child exists once; here a child exists only in the workers that have a client in it, so the event goes to
 * the parents of all workers, and each hands it to its own children.
 */
import type { Namespace, Server } from "socket.io";
import type { BroadcastFlags, BroadcastOptions, Room } from "socket.io-adapter";
import { type Address, Audience, type DecodedAddress } from "../protocol/frame.js";
import { type Heard, NOTHING, readAmongWorkers, type Saying, sayAmongWorkers, sayEvent } from "./content.js";
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

/** Where recovery is on: whoever numbers an event that the primary is to keep for the children's sessions. */
export interface ParentKeeper {
  /** It counts as one of this worker's events; then the children deliver it. */
  keep(address: Address, saying: Saying): void;
}

/** A child's adapter that has to know what is delivered to its clients. */
interface KeepingAdapter {
  deliver?(packet: Packet, options: BroadcastOptions, isOwn: boolean): void;
}

/** Names the parent of a child, as its events are addressed; empty where it has none. */
export type ParentOf = (namespace: Namespace) => string;

/** To be called before the app: makes the parent namespaces that it creates known to the other workers. */
export function connectParentNamespaces(io: Server, exchange: Exchange, keeper?: ParentKeeper): ParentOf {
  const names = new Map<ParentNamespace, string>();
  const of = io.of.bind(io) as (...args: unknown[]) => Namespace;
  const seen = new Map<string, number>();
  io.of = ((matcher: unknown, ...rest: unknown[]) => {
    const namespace = of(matcher, ...rest);
    if (isParent(namespace) && !names.has(namespace)) {
      const name = nameOf(matcher, seen);
      names.set(namespace, name);
      connect(namespace, name, exchange, keeper);
    }
    return namespace;
  }) as typeof io.of;
  return (namespace) => {
    for (const [parent, name] of names) if (parent.children.has(namespace)) return name;
    return "";
  };
}

function connect(parent: ParentNamespace, name: string, exchange: Exchange, keeper: ParentKeeper | undefined): void {
  const { encoder } = parent.server as unknown as { encoder: Encoder };
  const createDecoder = createDecoderOf(parent.server);
  const server: NamespaceServer = {
    onBroadcast: () => {},
    onTextRun: () => {},
    onCommand: (_address: DecodedAddress, heard: Heard) => {
      const event = readAmongWorkers(heard);
      if (!isParentEvent(event)) return;
      const { parts, ...addressed } = event;
      deliver(parent, new RemoteEvent(parts, createDecoder).data, addressed, false);
    },
    onRequest: (_address, _question, respond) => respond(undefined, true),
  };
  const send = (data: unknown[], addressed: Addressed) => {
    const parts = toEventParts(encoder.encode({ type: EVENT, nsp: "/", data }));
    const everywhere = { namespace: name, rooms: [], except: [] };
    if (parts.length === 0) return;
    if (!addressed.flags.volatile) {
      keeper?.keep({ namespace: name, ...addressed }, sayEvent(parts, addressed.flags, NOTHING));
    }
    exchange.command(Audience.namespace, everywhere, () => sayAmongWorkers({ parts, ...addressed }, exchange.pack));
  };
  exchange.open(name, server);
  // Through the operator, which refuses reserved names and callbacks, to the adapter's broadcast below.
  parent.emit = (event: string, ...args: unknown[]) => parent.except([]).emit(event, ...args);
  parent.adapter.broadcast = ({ data }: Packet, { rooms, except = new Set(), flags = {} }: BroadcastOptions) => {
    const addressed = { rooms: [...rooms], except: [...except], flags };
    if (!flags.local) send(data, addressed);
    deliver(parent, data, addressed, true);
  };
}

function deliver(parent: ParentNamespace, data: unknown[], { rooms, except, flags }: Addressed, isOwn: boolean): void {
  for (const child of parent.children) {
    const options = { rooms: new Set(rooms), except: new Set(except), flags };
    const { adapter } = child as { readonly adapter: KeepingAdapter };
    if (adapter.deliver) adapter.deliver({ type: EVENT, data }, options, isOwn);
    else child.adapter.broadcast({ type: EVENT, data }, { ...options, flags: { ...flags, local: true } });
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
