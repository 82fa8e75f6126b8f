import { expect, test } from "vitest";
import { TlsOpening } from "../../../../src/primary/acceptor/tls-opening.js";

const HELLO = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);

test("a ClientHello is known by its first six bytes, wherever it is cut", () => {
  for (let cut = 1; cut < HELLO.length; cut++) {
    const opening = new TlsOpening();
    expect([cut, opening.read(HELLO.subarray(0, cut))]).toEqual([cut, cut < 6 ? "more" : "complete"]);
    if (cut < 6) expect(opening.read(HELLO)).toBe("complete");
    expect(opening.isHttp).toBe(false);
  }
});

test("HTTP without TLS is known by its request line, so that it can be told", () => {
  const opening = new TlsOpening();
  const line = Buffer.from("GET / HTTP/1.1\r\n");
  const progress = [...line.keys()].map((at) => opening.read(line.subarray(0, at + 1)));
  expect(progress.indexOf("plain")).toBe("GET / ".length - 1);
  expect(progress.slice(0, 5)).toEqual(["more", "more", "more", "more", "more"]);
  expect(opening.isHttp).toBe(true);
});

test.each([
  ["SSL 2.0's hello", Buffer.from([0x80, 0x2e, 1, 3, 1, 0])],
  ["a record of a version to come", Buffer.from([22, 4, 0, 1, 0, 1])],
  ["another record", Buffer.from([23, 3, 3, 0, 1, 1])],
  ["another handshake message", Buffer.from([22, 3, 1, 2, 0, 2])],
  ["a record larger than any", Buffer.from([22, 3, 1, 0x41, 0, 1])],
  ["SSH", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
  ["HTTP/2 without TLS's beginning", Buffer.from("\0\0\x12\x04")],
  ["a method that is none", Buffer.from("HELO example.org\r\n")],
])("%s is neither", (_, bytes) => {
  const opening = new TlsOpening();
  expect(opening.read(bytes)).toBe("alien");
});
