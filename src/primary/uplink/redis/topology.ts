/** The masters of a Redis Cluster and their slots, read from CLUSTER SLOTS. Pure. */
import type { RedisAddress } from "../../../config/settings.js";
import { formatHostAndPort } from "../../../protocol/host-and-port.js";
import { SLOTS, slotOf } from "./slot.js";

export interface Master {
  /** HOST:PORT. */
  readonly name: string;
  readonly address: RedisAddress;
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** `asked` stands where a node does not know its own name. Throws when it is not what Redis answers. */
export function mastersOf(reply: unknown, asked: RedisAddress): Master[] {
  const masters = new Map<string, { address: RedisAddress; ranges: [number, number][] }>();
  for (const [from, to, [host, port]] of reply as [number, number, [string | null, number]][]) {
    const address = { host: host && host !== "?" ? host : asked.host, port: Number(port) };
    const name = formatHostAndPort(address);
    const known = masters.get(name) ?? { address, ranges: [] };
    known.ranges.push([Number(from), Number(to)]);
    masters.set(name, known);
  }
  return [...masters].map(([name, { address, ranges }]) => ({ name, address, ranges }));
}

/** The name of each slot's master. */
export function slotTable(masters: readonly Master[]): readonly (string | undefined)[] {
  const table = new Array<string | undefined>(SLOTS).fill(undefined);
  for (const { name, ranges } of masters) for (const [from, to] of ranges) table.fill(name, from, to + 1);
  return table;
}

/** A channel beginning with `stem` that is in one of the master's slots. */
export function channelIn({ ranges }: Master, stem: string): string {
  for (let number = 0; ; number++) {
    const channel = `${stem}${number}`;
    const slot = slotOf(channel);
    if (ranges.some(([from, to]) => slot >= from && slot <= to)) return channel;
  }
}
