import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, test, vi } from "vitest";
import { Admission } from "../../../../src/primary/acceptor/admission.js";
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

test("a PROXY header is taken off, however it is cut, and what follows is read as if it had come alone", () => {
  const bytes = Buffer.from("PROXY TCP4 192.0.2.7 192.0.2.1 5 80\r\nGET /abc HTTP/1.1\r\n");
  for (let cut = 1; cut < bytes.length; cut++) {
    const { socket, targets, peers } = start(1_000, true);
    socket.emit("data", bytes.subarray(0, cut));
    if (targets.length === 0) socket.emit("data", bytes.subarray(cut));
    expect(targets.map(([target]) => target)).toEqual(["/abc"]);
    expect(peers).toEqual(["192.0.2.7"]);
  }
});

test.each(["GET / HTTP/1.1\r\n", "PROXY TCP4 192.0.2.7\r\n", "\r\n\r\n\0\r\nQUIT\nxxxxxx"])(
  "%j where a PROXY header must come is closed without a word, and counted",
  (bytes) => {
    const { socket, refused, targets, heads } = start(1_000, true);
    socket.emit("data", Buffer.from(bytes, "latin1"));
    expect([socket.destroyed, refused, targets, heads.misproxied, heads.size]).toEqual([true, [], [], 1, 0]);
  },
);

function start(maxHeaderBytes: number, proxied = false) {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const refused: number[] = [];
  const targets: [string, string][] = [];
  const peers: (string | undefined)[] = [];
  const refusals = { refuse: (_: Socket, status: number) => refused.push(status) } as unknown as Refusals;
  const proxies = { speaksFor: () => proxied, onPeer: () => true };
  const heads = new Heads({ maxHeaderBytes, headerTimeoutMs: 1_000 }, refusals, proxies, (caller, target, bytes) => {
    targets.push([target, String(bytes)]);
    peers.push(caller.peer?.address);
  });
  heads.read({ socket: socket as Socket, visit: new Admission({}, () => false).enter(), peer: undefined });
  return { socket, refused, targets, peers, heads };
}
