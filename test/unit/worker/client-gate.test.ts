import { Socket as EngineSocket } from "engine.io";
import { describe, expect, onTestFinished, test } from "vitest";
import { ClientGate } from "../../../src/worker/client-gate.js";

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

describe("while what was told is not where it outlives the host", () => {
  test("what tells of it waits for the word, and what came later for the next one", () => {
    const { link, written, client } = install({ takes: true });
    const a = client("a");
    link.unsafe = true;
    a.writeBuffer.push(1, 2);
    a.flush();
    link.onMarked(1);
    a.writeBuffer.push(3);
    a.flush();
    link.onMarked(2);
    expect(written).toEqual([]);
    link.safe = 1;
    link.onSafe();
    expect(written).toEqual([1, 2]);
    expect(a.writeBuffer).toEqual([3]);
    a.writeBuffer.push(4);
    a.flush();
    expect(written).toEqual([1, 2]);
    link.safe = 2;
    link.onSafe();
    expect(written).toEqual([1, 2, 3]);
    link.unsafe = false;
    link.onSafe();
    expect(written).toEqual([1, 2, 3, 4]);
  });

  test("what had to wait for the kernel first is counted too", () => {
    const { link, written, client } = install({ takes: true });
    const a = client("a");
    link.behind = true;
    link.unsafe = true;
    a.writeBuffer.push(1);
    a.flush();
    link.onMarked(1);
    link.catchUp();
    expect(written).toEqual([]);
    link.safe = 1;
    link.onSafe();
    expect(written).toEqual([1]);
  });

  test("a client that is closing gets nothing until all of it is safe: its first flush closes it", () => {
    const { link, flushed, written, client } = install({ takes: true });
    const leaving = Object.assign(client("leaving"), { readyState: "closing" });
    link.unsafe = true;
    leaving.writeBuffer.push(1);
    leaving.flush();
    link.onMarked(1);
    leaving.writeBuffer.push(2);
    leaving.flush();
    link.onMarked(2);
    link.safe = 1;
    link.onSafe();
    expect(flushed).toEqual([]);
    link.safe = 2;
    link.onSafe();
    expect(flushed).toEqual(["leaving"]);
    expect(written).toEqual([1, 2]);
  });

  test("a client that takes no more when the word comes gets it when it does", () => {
    const { link, written, client } = install({ takes: true });
    const slow = Object.assign(client("slow"), { transport: { writable: false } });
    link.unsafe = true;
    slow.writeBuffer.push(1);
    slow.flush();
    link.onMarked(1);
    link.safe = 1;
    link.onSafe();
    expect(written).toEqual([]);
    slow.transport.writable = true;
    slow.writeBuffer.push(2);
    slow.flush();
    expect(written).toEqual([1]);
  });
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

test("what waits is judged where the transport takes no more, also within a burst; one that takes more is not even asked", () => {
  const { link, flushed, asked, client, isPast } = install();
  isPast.add("slow");
  const slow = Object.assign(client("slow"), { transport: { writable: false } });
  slow.flush();
  client("slow").flush();
  expect([asked, flushed]).toEqual([["slow"], ["slow"]]);
  const late = Object.assign(client("late"), { transport: { writable: false } });
  link.aroundBurst(() => {
    slow.flush();
    late.flush();
    slow.transport.writable = true;
    late.transport.writable = true;
  });
  // It is closed, and gets nothing more.
  expect(asked).toEqual(["slow", "slow", "late"]);
  expect(flushed).toEqual(["slow", "late"]);
});

describe("packets that wait together", () => {
  const together = Buffer.from([1, 2]);
  const packets = [1, 2].map((byte) => ({ type: "message", options: { wsPreEncodedFrame: [Buffer.from([byte])] } }));

  const unmade = { type: "message", data: "x" };

  test("make one write past Engine.IO's flush, when each is a frame already", () => {
    const { socket, calls, flushed } = waiting(packets);
    socket.flush();
    expect(socket.writeBuffer).toEqual([]);
    expect([calls, flushed]).toEqual([[together], []]);
  });

  test("leave the transport not writable until they are written; then what came meanwhile follows", () => {
    const { socket, calls, written } = waiting(packets);
    socket.flush();
    expect(socket.transport.writable).toBe(false);
    socket.writeBuffer = [packets[1]];
    socket.flush();
    expect(calls).toEqual([together]);
    written();
    expect(calls).toEqual([together, Buffer.from([2])]);
  });

  test("that cannot be written are told of as Engine.IO tells of them", () => {
    const errors: unknown[] = [];
    const { socket, written } = waiting(packets, {
      transport: { _onSentLast: (error: unknown) => errors.push(error) },
    });
    socket.flush();
    const error = new Error("EPIPE");
    written(error);
    expect(errors).toEqual([error]);
    expect(socket.transport.writable).toBe(false);
  });

  test("are corked when one is no frame yet; one alone needs no cork", () => {
    const several = waiting([...packets, unmade]);
    several.socket.flush();
    const alone = waiting([unmade]);
    alone.socket.flush();
    expect([several.calls, alone.calls]).toEqual([["cork", "uncork"], []]);
  });

  test.each<[string, unknown[], Inside]>([
    ["one is no frame yet", [...packets, unmade], {}],
    ["frames are compressed for each client", packets, { transport: { _canSendPreEncodedFrame: () => false } }],
    ["the transport is polling", packets, { transport: { socket: undefined, _canSendPreEncodedFrame: undefined } }],
    ["somebody is to be called when they are sent", packets, { packetsFn: [() => {}] }],
    ["the app listens to what the client is sent", packets, { listenerCount: () => 1 }],
    ["the app listens to what all clients are sent", packets, { server: { listenerCount: () => 1 } }],
    ["the client is closing", packets, { readyState: "closing" }],
  ])("go Engine.IO's way when %s", (_, writeBuffer, inside) => {
    const { socket, flushed } = waiting(writeBuffer, inside);
    socket.flush();
    expect(socket.writeBuffer).toBe(writeBuffer);
    expect(flushed).toEqual(["a"]);
  });

  test("stay while the client cannot take them yet: they would be copied again with each that comes", () => {
    const { socket, calls } = waiting(packets, { transport: { writable: false } });
    socket.flush();
    expect(socket.writeBuffer).toBe(packets);
    expect(calls).toEqual([]);
  });

  interface Inside {
    readonly transport?: object;
    readonly packetsFn?: unknown[];
    readonly server?: object;
    readonly readyState?: string;
    readonly listenerCount?: () => number;
  }

  interface Waiting {
    flush(): void;
    writeBuffer: unknown[];
    readonly transport: { readonly writable: boolean };
  }

  /** A client on a plain WebSocket; `inside` is what makes it another. */
  function waiting(writeBuffer: unknown[], { transport, ...inside }: Inside = {}) {
    const calls: unknown[] = [];
    let written = (_error?: Error) => {};
    const write = (bytes: Buffer, callback: () => void) => {
      calls.push(bytes);
      written = callback;
    };
    const tcp = { write, cork: () => calls.push("cork"), uncork: () => calls.push("uncork") };
    const { client, flushed } = install();
    const socket = client("a") as unknown as Waiting;
    const none = { listenerCount: () => 0 };
    const plain = { writable: true, socket: { _socket: tcp }, _canSendPreEncodedFrame: () => true };
    Object.assign(socket, { ...none, writeBuffer, packetsFn: [], readyState: "open", server: none, ...inside });
    Object.assign(socket, { transport: { ...plain, ...transport } });
    return { socket, calls, flushed, written: (error?: Error) => written(error) };
  }
});

class FakeLink {
  behind = false;
  unsafe = false;
  safe = 0;
  onMarked = (_mark: number): void => {};
  onSafe = (): void => {};
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
function install({ takes = false } = {}) {
  const prototype = EngineSocket.prototype as unknown as {
    flush(this: { name: string; writeBuffer: unknown[] }): void;
  };
  const { flush } = prototype;
  onTestFinished(() => {
    prototype.flush = flush;
  });
  const flushed: string[] = [];
  const written: unknown[] = [];
  prototype.flush = function () {
    flushed.push(this.name);
    if (!takes) return;
    written.push(...this.writeBuffer);
    this.writeBuffer = [];
  };
  const link = new FakeLink();
  const isPast = new Set<string>();
  const asked: string[] = [];
  ClientGate.install(link, {
    isPast: (client) => {
      const { name } = client as unknown as { name: string };
      asked.push(name);
      return isPast.has(name);
    },
  });
  const client = (name: string) =>
    Object.assign(Object.create(prototype), { name, writeBuffer: [], transport: { writable: true } }) as {
      flush(): void;
      writeBuffer: unknown[];
      readyState?: string;
    };
  return { link, flushed, written, asked, client, isPast };
}
