/**
 * A burst of events to one address crosses as one message, which Holdfast hosts read and other servers hear and leave
 * alone. It is sent where there are no others, and with each one Redis says who has heard it: were there others, its events
 * follow for them one by one, and the next bursts go so from the start. Nobody gets an event twice, for whoever reads runs
 * leaves alone what follows. What is sent before Redis has said so may overtake it, on its way to a server that has just come.
 */
import type { ByteLink } from "./contract.js";
import { namespaceOf } from "./frame-out.js";
import type { Runs, Wire } from "./wire/wire.js";

export interface WholeRunEvents {
  onPublished(): void;
  /** The events of this run are to be published for those who do not read runs. */
  repeat(frame: Buffer): void;
}

interface Options {
  readonly wire: Wire;
  readonly maxMessageBytes: number;
}

type Link = Pick<ByteLink, "publish" | "publishCounted" | "countSubscribers">;

/** Who hears the broadcasts of a namespace, as far as is known. */
interface Audience {
  readsRuns: boolean;
  askedAtMs: number;
}

/** How often Redis is asked whether the other servers have gone. */
const ASK_EVERY_MS = 10_000;
/** An app may make namespaces without end; of those beyond, events go one by one. */
const MAX_NAMESPACES = 1_000;
/** What a message has beside the run. */
const ENVELOPE_BYTES = 1_024;

export class WholeRuns {
  readonly #wire: Wire;
  readonly #link: Link;
  readonly #events: WholeRunEvents;
  readonly #longest: number;
  readonly #audiences = new Map<string, Audience>();

  constructor({ wire, maxMessageBytes }: Options, link: Link, events: WholeRunEvents) {
    this.#wire = wire;
    this.#link = link;
    this.#events = events;
    this.#longest = maxMessageBytes - ENVELOPE_BYTES;
  }

  /** False: its events have to go one by one. */
  take(frame: Buffer): boolean {
    const { runs } = this.#wire;
    if (!runs || frame.length > this.#longest) return false;
    const namespace = namespaceOf(frame);
    const audience = this.#audienceOf(namespace);
    if (audience?.readsRuns) {
      this.#publish(runs, namespace, frame, audience);
      return true;
    }
    if (audience) this.#ask(namespace, audience);
    return false;
  }

  #publish(runs: Runs, namespace: string, frame: Buffer, audience: Audience): void {
    const copy = Buffer.from(frame);
    const { channel, bytes } = runs.write(namespace, copy);
    const others = () => {
      audience.readsRuns = false;
      audience.askedAtMs = performance.now();
      this.#events.repeat(copy);
    };
    this.#events.onPublished();
    const hearers = this.#link.publishCounted(channel, bytes, runs.readers);
    if (hearers) return void hearers.then(({ heard, marked }) => heard > marked && others(), others);
    this.#link.publish(channel, bytes);
    others();
  }

  #audienceOf(namespace: string): Audience | undefined {
    const known = this.#audiences.get(namespace);
    if (known || this.#audiences.size >= MAX_NAMESPACES) return known;
    const audience = { readsRuns: false, askedAtMs: Number.NEGATIVE_INFINITY };
    this.#audiences.set(namespace, audience);
    return audience;
  }

  /** An error says nothing; Redis is asked again. */
  #ask(namespace: string, audience: Audience): void {
    const nowMs = performance.now();
    if (nowMs - audience.askedAtMs < ASK_EVERY_MS) return;
    audience.askedAtMs = nowMs;
    const { all, holdfast } = this.#wire.countedChannels(namespace);
    const learn = ([servers = 0, hosts = 0]: number[]) => {
      audience.readsRuns = servers <= hosts;
    };
    this.#link.countSubscribers([all, holdfast]).then(learn, () => {});
  }
}
