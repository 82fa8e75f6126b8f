/**
 * A host's word to the others of its prefix about itself: what it serves with how many workers, where requests for its
 * sessions are taken, and that it stops.
 */
import type { Form, Sender } from "./envelope.js";
import { HOST_FIELD } from "./host-part.js";
import type { Incoming, IncomingAnnouncement } from "./message.js";
import { MsgpackWriter } from "./msgpack-write.js";
import type { Fields } from "./outline.js";
import { refuse } from "./refusal.js";

export type Announcement = Omit<IncomingAnnouncement, "kind" | "uid">;

const EXPECTED_BYTES = 512;
/** Of one host; slots are numbered below it. */
const MAX_WORKERS = 4096;
/** Of one host. Who has more is not asked about those beyond: see host-registry.ts for what all may have together. */
export const MAX_NAMESPACES = 65_536;
const TAG = /^[\w-]{4}$/;
/** A name has at most 253 characters. */
const ADDRESS = /^https?:\/\/(?:[\w.-]{1,253}|\[[\da-fA-F:.]{2,45}\]):\d{1,5}$/;

export const ANNOUNCEMENT_FORM: Form = {
  shape: {},
  uidField: "uid",
  hostField: HOST_FIELD,
  isForAnyone: () => false,
};

/** All but the host part. */
export function writeAnnouncement(uid: string, announcement: Announcement): MsgpackWriter {
  const { hostId, release, tag, address, goodbye } = announcement;
  const workers = [...announcement.workers].slice(0, MAX_NAMESPACES);
  const message = new MsgpackWriter(EXPECTED_BYTES).map(9).text("uid").text(uid);
  message.text("tag").text(tag).text("address").text(address);
  message.text("hostId").text(hostId).text("release").text(release).text("goodbye").boolean(goodbye);
  message
    .text("namespaces")
    .list(workers.map(([namespace]) => namespace))
    .text("workers")
    .list(workers.map(([, count]) => count));
  return message;
}

export function readAnnouncement(fields: Fields, { host }: Sender): Incoming {
  if (!host) return refuse("wrong-shape");
  return {
    kind: "announcement",
    uid: host.uid,
    hostId: fields.text("hostId"),
    release: fields.text("release"),
    tag: matching(fields.text("tag"), TAG),
    address: readAddress(fields.text("address")),
    goodbye: fields.boolean("goodbye"),
    workers: readWorkers(fields.list("namespaces"), fields.list("workers")),
  };
}

function readWorkers(namespaces: readonly unknown[], counts: readonly unknown[]): Map<string, number> {
  if (namespaces.length > MAX_NAMESPACES) refuse("wrong-shape");
  return new Map(
    namespaces.map((namespace, i) => {
      const count = counts[i];
      return typeof namespace === "string" && isWorkerCount(count) ? [namespace, count] : refuse("wrong-shape");
    }),
  );
}

/** Workers make a URL of it. */
function readAddress(text: string): string {
  return text === "" || URL.canParse(matching(text, ADDRESS)) ? text : refuse("wrong-shape");
}

function matching(text: string, pattern: RegExp): string {
  return pattern.test(text) ? text : refuse("wrong-shape");
}

function isWorkerCount(count: unknown): count is number {
  return Number.isInteger(count) && (count as number) >= 0 && (count as number) <= MAX_WORKERS;
}
