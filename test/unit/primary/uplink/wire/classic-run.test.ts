/** A run between hosts: as it was written, or a reason why not. */
import { encode } from "notepack.io";
import { describe, expect, test } from "vitest";
import { ClassicWire } from "../../../../../src/primary/uplink/wire/classic.js";
import type { Publication } from "../../../../../src/primary/uplink/wire/message.js";
import type { Runs } from "../../../../../src/primary/uplink/wire/wire.js";
import { FrameBatch } from "../../../../../src/protocol/frame.js";
import { eachEvent, readRun, writeRun } from "../../../../../src/protocol/run.js";
import { textFrameOf } from "../../../../../src/protocol/text-frame.js";
import { plainServer } from "./plain-server.js";

/** See protocol/run.ts. */
const PART_HEAD_BYTES = 9;
const TEXTS = ['2["news",1]', '2["news","hé"]'];

test("is read as its worker wrote it, less what was packed for other servers", () => {
  const { channel, bytes } = write(create("other"), frameOf(TEXTS));
  const message = create("me").read(channel, bytes);
  expect(message).toMatchObject({ kind: "run", namespace: "/", uid: "other", host: { missed: 0 } });
  expect("frame" in message && textsOf(message.frame)).toEqual(TEXTS);
});

test("of our own is known as such", () => {
  const wire = create("me");
  const { channel, bytes } = write(wire, frameOf(TEXTS));
  expect(wire.read(channel, bytes)).toEqual({ kind: "own" });
});

test("counts among the broadcasts: what was lost is known", () => {
  const [other, me] = [create("other"), create("me")];
  const runs = [1, 2, 3].map(() => write(other, frameOf(TEXTS))) as [Publication, Publication, Publication];
  me.read(runs[0].channel, runs[0].bytes);
  expect(me.read(runs[2].channel, runs[2].bytes)).toMatchObject({ host: { missed: 1 } });
});

test("is heard by a plain server, which leaves it alone", () => {
  const { deliver, connect } = plainServer("classic");
  const client = connect("ada", "r");
  const wire = new ClassicWire({ prefix: "socket.io", uid: "other" });
  expect(deliver(write(wire, frameOf(TEXTS)))).toBe(true);
  expect(client.written).toEqual([]);
});

describe("is refused", () => {
  const { channel, bytes } = write(create("other"), frameOf(TEXTS));

  test("on another namespace's channel, or where broadcasts come", () => {
    for (const elsewhere of [channel.replace("#/#", "#/admin#"), "p#/#"]) {
      expect(create("me").read(elsewhere, bytes)).toEqual({ kind: "refused", reason: "wrong-channel" });
    }
  });

  test("with a secret, of who does not know it", () => {
    const me = create("me", "a secret");
    expect(me.read(channel, bytes)).toEqual({ kind: "refused", reason: "unsigned" });
    const wrong = write(create("other", "another"), frameOf(TEXTS));
    expect(me.read(wrong.channel, wrong.bytes)).toEqual({ kind: "refused", reason: "wrong-signature" });
  });

  test("of a plain server", () => {
    expect(create("me").read(channel, encode(["x", { a: 1 }]))).toMatchObject({ kind: "refused" });
    expect(create("me").read(channel, encode(["x"]))).toMatchObject({ kind: "refused" });
  });

  test("that is not whole", () => {
    const at = bytes.indexOf("2[") - 2;
    const changed = Buffer.from(bytes);
    changed[at] = 0;
    expect(create("me").read(channel, changed)).toEqual({ kind: "refused", reason: "malformed" });
  });
});

function create(uid: string, secret?: string): ClassicWire {
  return new ClassicWire({ prefix: "p", uid, ...(secret !== undefined && { secret }) });
}

function write({ runs }: { readonly runs: Runs }, frame: Buffer): Publication {
  return runs.write("/", frame);
}

function frameOf(texts: readonly string[]): Buffer {
  const batch = new FrameBatch();
  const address = { namespace: "/", rooms: [], except: [] };
  writeRun(
    batch,
    { address, flags: 0 },
    texts.map(textFrameOf),
    texts.map(() => Buffer.from("packed")),
  );
  return Buffer.concat(batch.take());
}

function textsOf(frame: Buffer): string[] {
  const texts: string[] = [];
  eachEvent(readRun(frame), (payload) => texts.push(payload.toString("utf8", PART_HEAD_BYTES)));
  return texts;
}
