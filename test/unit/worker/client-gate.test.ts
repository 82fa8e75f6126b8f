import { Socket as EngineSocket } from "engine.io";
import { describe, expect, onTestFinished, test } from "vitest";
import { installClientGate } from "../../../src/worker/client-gate.js";

test("what is written to clients passes while the link is not behind", () => {
  const { link, flushed, client } = install();
  client("a").flush();
  link.behind = true;
  client("b").flush();
  expect(flushed).toEqual(["a"]);
});

test("what was held back leaves once the link has caught up, once for each client, first held first", () => {
  const { link, flushed, client } = install();
  const [a, b] = [client("a"), client("b")];
  link.behind = true;
  for (const socket of [b, a, b]) socket.flush();
  link.catchUp();
  expect(flushed).toEqual(["b", "a"]);
  expect(link.waiting).toEqual([]);
});

test("a client that is held back again waits for the next time", () => {
  const { link, flushed, client } = install();
  link.behind = true;
  client("a").flush();
  link.catchUp({ stillBehind: true });
  expect(flushed).toEqual([]);
  link.catchUp();
  expect(flushed).toEqual(["a"]);
});

test("frames that came at once are flushed once for each client, after the last of them", () => {
  const { link, flushed, client } = install();
  const [a, b] = [client("a"), client("b")];
  link.aroundBurst(() => {
    for (const socket of [a, b, a]) socket.flush();
    expect(flushed).toEqual([]);
  });
  expect(flushed).toEqual(["a", "b"]);
});

test("what a burst has for a client still waits for a link that is behind", () => {
  const { link, flushed, client } = install();
  link.behind = true;
  link.aroundBurst(() => client("a").flush());
  expect(flushed).toEqual([]);
  link.catchUp();
  expect(flushed).toEqual(["a"]);
});

test("a client for which too much waits gets nothing more; one that takes more is not even asked", () => {
  const { flushed, client, isPast } = install();
  isPast.add("slow");
  Object.assign(client("slow"), { transport: { writable: false } }).flush();
  client("slow").flush();
  Object.assign(client("quick"), { transport: { writable: false } }).flush();
  expect(flushed).toEqual(["slow", "quick"]);
});

describe("packets that wait together", () => {
  const packets = [1, 2].map((byte) => ({ type: "message", options: { wsPreEncodedFrame: [Buffer.from([byte])] } }));

  test("make one write, when each is a frame already", () => {
    const { socket, calls } = waiting(packets);
    socket.flush();
    expect(socket.writeBuffer).toEqual([{ type: "message", options: { wsPreEncodedFrame: [Buffer.from([1, 2])] } }]);
    expect(calls).toEqual(["cork", "uncork"]);
  });

  test("are corked when one is no frame yet; one alone needs no cork", () => {
    const several = waiting([...packets, { type: "message", data: "x" }]);
    several.socket.flush();
    const alone = waiting(packets.slice(0, 1));
    alone.socket.flush();
    expect([several.calls, alone.calls]).toEqual([["cork", "uncork"], []]);
  });

  test.each([
    ["one is no frame yet", [...packets, { type: "message", data: "x" }], {}],
    ["frames are compressed for each client", packets, { perMessageDeflate: {} }],
    ["the client cannot take them yet: they would be copied again with each that comes", packets, { writable: false }],
    ["the transport is polling", packets, { socket: undefined }],
  ])("stay as they are when %s", (_, writeBuffer, transport) => {
    const { socket } = waiting(writeBuffer, transport);
    socket.flush();
    expect(socket.writeBuffer).toBe(writeBuffer);
  });

  function waiting(writeBuffer: unknown[], transport: object = {}) {
    const calls: string[] = [];
    const tcp = { cork: () => calls.push("cork"), uncork: () => calls.push("uncork") };
    const socket = install().client("a") as { flush(): void; writeBuffer: unknown[] };
    Object.assign(socket, { writeBuffer, transport: { writable: true, socket: { _socket: tcp }, ...transport } });
    return { socket, calls };
  }
});

class FakeLink {
  behind = false;
  aroundBurst = (deliver: () => void): void => deliver();
  waiting: (() => void)[] = [];

  whenCaughtUp(callback: () => void): void {
    this.waiting.push(callback);
  }

  catchUp({ stillBehind = false } = {}): void {
    this.behind = stillBehind;
    for (const resume of this.waiting.splice(0)) resume();
  }
}

/** Installs the gate over a flush that only notes whose it was, and takes it away when the test ends. */
function install() {
  const prototype = EngineSocket.prototype as unknown as { flush(this: { name: string }): void };
  const { flush } = prototype;
  onTestFinished(() => {
    prototype.flush = flush;
  });
  const flushed: string[] = [];
  prototype.flush = function () {
    flushed.push(this.name);
  };
  const link = new FakeLink();
  const isPast = new Set<string>();
  installClientGate(link, { isPast: (client) => isPast.has((client as unknown as { name: string }).name) });
  const client = (name: string) =>
    Object.assign(Object.create(prototype), { name, writeBuffer: [], transport: { writable: true } }) as {
      flush(): void;
    };
  return { link, flushed, client, isPast };
}
