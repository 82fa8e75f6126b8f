/** Two hosts behind a balancer that is not sticky, under traffic, while the workers of both are replaced. */
import { setTimeout as pause } from "node:timers/promises";
import type { SessionOwner } from "../../../src/protocol/session-id.js";
import { BALANCERS, type BalancerName } from "./balancer.js";
import type { Holdfast } from "./holdfast.js";
import { startHosts } from "./hosts.js";
import { startRedis } from "./redis.js";
import { Traffic, type Trouble } from "./traffic.js";

export interface Run {
  readonly clients: number;
  readonly seconds: number;
  readonly everyMs: number;
}

export interface Findings {
  readonly answered: number;
  /** Errors and disconnects of sessions whose worker was not being replaced, and attempts to connect that failed. */
  readonly disturbances: readonly Trouble[];
  /** Those of them in which somebody said that the session is unknown. */
  readonly unknown: readonly Trouble[];
  /**
   * Upgraded sessions that were cut although their own worker stayed: their WebSocket came in at the other host, in a worker
   * that was replaced. A connection ends with the process that holds it; its client comes back.
   */
  readonly cutOnTheWay: number;
  /** What clients of replaced workers met. */
  readonly replaced: { readonly disconnects: number; readonly unknown: number };
  /** So many requests and upgrades went from host to host. */
  readonly forwarded: number;
}

/** Each host has its workers replaced once in `seconds`, one host after the other. */
export async function runUnsticky(name: BalancerName, { clients, seconds, everyMs }: Run): Promise<Findings> {
  const redis = await startRedis();
  const hosts = await startHosts({ redis: redis.url });
  const traffic = new Traffic();
  await traffic.start(await BALANCERS[name](hosts), clients, everyMs);
  const disturbances: Trouble[] = [];
  for (const host of hosts) {
    await pause((seconds * 1_000) / 3);
    const tag = await tagOf(host);
    disturbances.push(...troublesOf(traffic, (owner) => owner.host === tag));
    await replaceWorkers(host);
    await traffic.allConnected();
  }
  await pause((seconds * 1_000) / 3);
  const living = new Set([...traffic.owners.values()].map(keyOf));
  disturbances.push(...troublesOf(traffic, (owner) => living.has(keyOf(owner))));
  const troubles = [...new Set([...disturbances, ...traffic.errors.filter(({ owner }) => !owner)])];
  const isCut = ({ transport, reason }: Trouble) => transport === "both" && reason === "transport close";
  return {
    answered: traffic.answered,
    disturbances: troubles.filter((trouble) => !isCut(trouble)),
    unknown: traffic.unknown.filter((trouble) => troubles.includes(trouble)),
    cutOnTheWay: troubles.filter(isCut).length,
    replaced: { disconnects: traffic.disconnects.length, unknown: traffic.unknown.length },
    forwarded: await forwarded(hosts),
  };
}

/** Resolves when the old workers are gone. */
async function replaceWorkers(host: Holdfast): Promise<void> {
  const before = new Set((await host.workers()).map(({ pid }) => pid));
  host.signal("SIGHUP");
  const isNew = (pid: number) => !before.has(pid);
  await host.waitForStatus(({ state, workers }) => state === "ready" && workers.every(({ pid }) => isNew(pid)), 60_000);
}

function troublesOf(traffic: Traffic, isOf: (owner: SessionOwner) => boolean): Trouble[] {
  return [...traffic.errors, ...traffic.disconnects].filter(({ owner }) => owner && isOf(owner));
}

/** A host's id ends with the tag that stands in its session ids. */
async function tagOf(host: Holdfast): Promise<string> {
  return (await host.status()).host.slice(-4);
}

function keyOf({ host, slot, incarnation }: SessionOwner): string {
  return `${host} ${slot} ${incarnation}`;
}

async function forwarded(hosts: readonly Holdfast[]): Promise<number> {
  const all = await Promise.all(hosts.map((host) => host.status()));
  return all.reduce((sum, { counters }) => sum + (counters.workerForwardedToHost ?? 0), 0);
}
