import { Socket as EngineSocket } from "engine.io";
import { expect, onTestFinished, test } from "vitest";
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

class FakeLink {
  behind = false;
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
  installClientGate(link);
  const client = (name: string) => Object.assign(Object.create(prototype), { name }) as { flush(): void };
  return { link, flushed, client };
}
