/**
 * What workers of this host have asked other hosts, and who has yet to answer. Runs in the primary; pure. A Holdfast host
 * is known by its uid and taken off when it goes; of plain servers only the number is known, so they are counted.
 */

/** The asking worker gives up first; this only forgets what nobody told the end of. */
const GRACE_MS = 5_000;

export interface RemoteRequest {
  /** The switch's. */
  readonly id: number;
  readonly namespace: string;
  /** A broadcast with acknowledgements: each server tells its number of clients, and each client answers. */
  readonly counts: boolean;
  readonly timeoutMs: number;
}

interface Pending extends RemoteRequest {
  readonly hosts: Set<string>;
  readonly forgetAtMs: number;
  /** Undefined until Redis has counted them. */
  plainServers: number | undefined;
  plainAnswers: number;
  /** Of plain servers: those that they will hear of, and those that have answered. */
  clients: number;
  acks: number;
}

export type PlainAnswer = { readonly name: "clients"; readonly count: number } | { readonly name: "ack" | "other" };

export class RemoteRequests {
  readonly #byRequestId = new Map<string, Pending>();

  get size(): number {
    return this.#byRequestId.size;
  }

  add(requestId: string, request: RemoteRequest, hosts: readonly string[], nowMs: number): void {
    this.#byRequestId.set(requestId, {
      ...request,
      hosts: new Set(hosts),
      forgetAtMs: nowMs + request.timeoutMs + GRACE_MS,
      plainServers: undefined,
      plainAnswers: 0,
      clients: 0,
      acks: 0,
    });
  }

  /** The switch's id, while somebody waits: an answer of a host that had not told of itself yet is as good. */
  idFor(requestId: string): number | undefined {
    return this.#byRequestId.get(requestId)?.id;
  }

  /** Redis has counted the plain servers. Each of these gives the switch's id when nobody else is to answer. */
  expectPlain(requestId: string, servers: number): number | undefined {
    const pending = this.#byRequestId.get(requestId);
    if (pending) pending.plainServers = servers;
    return this.#settled(requestId);
  }

  plainAnswered(requestId: string, answer: PlainAnswer): number | undefined {
    const pending = this.#byRequestId.get(requestId);
    if (!pending) return undefined;
    if (answer.name === "ack") pending.acks++;
    else pending.plainAnswers++;
    if (answer.name === "clients") pending.clients += answer.count;
    return this.#settled(requestId);
  }

  hostAnswered(requestId: string, host: string): number | undefined {
    return this.#byRequestId.get(requestId)?.hosts.delete(host) ? this.#settled(requestId) : undefined;
  }

  /** The hosts that have yet to answer, by namespace. */
  owing(): Map<string, Set<string>> {
    const owing = new Map<string, Set<string>>();
    for (const { namespace, hosts } of this.#byRequestId.values()) {
      if (hosts.size > 0) owing.set(namespace, new Set([...(owing.get(namespace) ?? []), ...hosts]));
    }
    return owing;
  }

  /** It could not be asked. */
  drop(requestId: string): number | undefined {
    const pending = this.#byRequestId.get(requestId);
    this.#byRequestId.delete(requestId);
    return pending?.id;
  }

  /** A host has gone: what it owed is given up. */
  dropHost(host: string): number[] {
    const owed = [...this.#byRequestId.keys()];
    return owed.flatMap((requestId) => this.hostAnswered(requestId, host) ?? []);
  }

  /** Redis is away: what has not come yet will not come. */
  dropAll(): number[] {
    const ids = [...this.#byRequestId.values()].map(({ id }) => id);
    this.#byRequestId.clear();
    return ids;
  }

  sweep(nowMs: number): void {
    for (const [requestId, { forgetAtMs }] of this.#byRequestId) {
      if (forgetAtMs <= nowMs) this.#byRequestId.delete(requestId);
    }
  }

  #settled(requestId: string): number | undefined {
    const pending = this.#byRequestId.get(requestId);
    if (!pending || pending.hosts.size > 0 || pending.plainServers === undefined) return undefined;
    if (pending.plainAnswers < pending.plainServers) return undefined;
    if (pending.counts && pending.acks < pending.clients) return undefined;
    this.#byRequestId.delete(requestId);
    return pending.id;
  }
}
