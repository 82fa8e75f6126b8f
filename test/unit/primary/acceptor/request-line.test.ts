import { expect, test } from "vitest";
import { RequestLine } from "../../../../src/primary/acceptor/request-line.js";

test("the target is known at the space behind it, before the head is complete", () => {
  expect(read("GET /socket.io/?sid=a ")).toBe("/socket.io/?sid=a");
  expect(read("GET /socket.io/?sid=a")).toBe("more");
});

test("a head in two pieces is read as in one, wherever it is cut", () => {
  const text = "\r\nM-SEARCH /a/b?c=d&sid=x HTTP/1.1\r\n";
  for (let cut = 0; cut <= text.length; cut++) {
    const line = new RequestLine();
    const last = line.read(Buffer.from(text.slice(0, cut))) === "more" && line.read(Buffer.from(text));
    expect([cut, last || "complete", line.target]).toEqual([cut, "complete", "/a/b?c=d&sid=x"]);
  }
});

test("a head byte by byte is read as in one piece", () => {
  const line = new RequestLine();
  const bytes = Buffer.from("GET /x?sid=y ");
  const progress = [...bytes.keys()].map((at) => line.read(bytes.subarray(0, at + 1)));
  expect(progress.at(-1)).toBe("complete");
  expect(line.target).toBe("/x?sid=y");
});

test("bytes beyond ASCII are one character each, as in Node's req.url", () => {
  const line = new RequestLine();
  line.read(Buffer.from([...Buffer.from("GET /"), 0xc3, 0xa4, 0x20]));
  expect(line.target).toBe("/\u00c3\u00a4");
});

test.each([
  ["HTTP/0.9", "GET /\r\n"],
  ["a bare line feed", "GET /\n"],
  ["no target", "GET  HTTP/1.1\r\n"],
  ["two spaces", "GET  / HTTP/1.1\r\n"],
  ["a tab for a space", "GET\t/ HTTP/1.1\r\n"],
  ["a tab in the target", "GET /a\tb HTTP/1.1\r\n"],
  ["NUL in the target", "GET /a\0b HTTP/1.1\r\n"],
  ["DEL in the target", "GET /a\x7fb HTTP/1.1\r\n"],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a method in lower case", "get / HTTP/1.1\r\n"],
  ["an unknown method", "GETT / HTTP/1.1\r\n"],
  ["a method that does not end", "A".repeat(40)],
  ["a space before the method", " GET / HTTP/1.1\r\n"],
  ["a TLS client hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 "],
  ["a response", "HTTP/1.1 200 OK\r\n"],
])("%s is refused", (_, text) => {
  expect(read(text)).toBe("malformed");
});

test.each([
  ["absolute form", "GET http://other.example/socket.io/?sid=a HTTP/1.1\r\n", "http://other.example/socket.io/?sid=a"],
  ["asterisk form", "OPTIONS * HTTP/1.1\r\n", "*"],
  ["authority form", "CONNECT example.com:443 HTTP/1.1\r\n", "example.com:443"],
  ["blank lines first", "\r\n\r\nGET /x HTTP/1.1\r\n", "/x"],
])("%s is read", (_, text, target) => {
  expect(read(text)).toBe(target);
});

function read(text: string): string {
  return readBytes(Buffer.from(text, "latin1"));
}

function readBytes(bytes: Buffer): string {
  const line = new RequestLine();
  const progress = line.read(bytes);
  return progress === "complete" ? line.target : progress;
}
