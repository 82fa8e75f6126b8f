/**
 * What those say who do not number what they send: other hosts, plain servers, workers without recovery. It has to be read
 * from the frames themselves: whether an event is to be kept, and what a command changes. Pure.
 */
import { readContent, unpackFlags, Verb } from "../../protocol/content.js";
import { FrameReader } from "../../protocol/frame.js";
import { Change } from "../../protocol/recovery-frame.js";
import type { Entry } from "./event-log.js";

export function isVolatile(broadcast: Buffer): boolean {
  const read = new FrameReader(broadcast);
  const packedBytes = read.number();
  read.address();
  return unpackFlags(readContent(read, packedBytes).what).volatile === true;
}

/** Undefined: the command changes no rooms. */
export function readChange(command: Buffer): Pick<Entry, "namespace" | "rooms" | "what"> | undefined {
  const read = new FrameReader(command);
  const packedBytes = read.number();
  read.byte();
  const { namespace, rooms, except } = read.address();
  const { what, payload } = readContent(read, packedBytes);
  const changeOf = (change: Change, into: readonly (string | number)[]) => {
    return { namespace, rooms, what: { kind: "change", change, except, into } } as const;
  };
  switch (what) {
    case Verb.join:
      return changeOf(Change.join, new FrameReader(payload, 0).rooms());
    case Verb.leave:
      return changeOf(Change.leave, new FrameReader(payload, 0).rooms());
    case Verb.disconnect:
      return changeOf(Change.disconnect, []);
    default:
      return undefined;
  }
}
