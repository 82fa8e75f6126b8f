import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, test, vi } from "vitest";
import { Heads } from "../../../../src/primary/acceptor/heads.js";
import type { Refusals } from "../../../../src/primary/acceptor/refusal.js";

vi.mock("../../../../src/primary/acceptor/reading.js", () => ({ stopReading: () => true }));

test("a head that comes byte by byte keeps the bytes, not the chunks they came in", () => {
  const { socket, targets } = start(1_000);
  const chunk = Buffer.alloc(1);
  for (const byte of Buffer.from("GET /abc ")) {
    chunk[0] = byte;
    socket.emit("data", chunk);
  }
  // A chunk that was kept would by now say what the last one said.
  expect(targets).toEqual([["/abc", "GET /abc "]]);
});

test("a head without a target is refused once it is too large", () => {
  const { socket, refused } = start(16);
  for (const byte of "GET /abcdefghijkl") socket.emit("data", Buffer.from(byte));
  expect(refused).toEqual([431]);
});

function start(maxHeaderBytes: number) {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const refused: number[] = [];
  const targets: [string, string][] = [];
  const refusals = { refuse: (_: Socket, status: number) => refused.push(status) } as unknown as Refusals;
  const heads = new Heads({ maxHeaderBytes, headerTimeoutMs: 1_000 }, refusals, (_, target, bytes) => {
    targets.push([target, String(bytes)]);
  });
  heads.read(socket as Socket);
  return { socket, refused, targets };
}
