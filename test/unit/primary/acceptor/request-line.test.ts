import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import fc from "fast-check";
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

test("what is not refused has the target that the worker's parser finds", () => {
  const seen = { accepted: 0, refusedHere: 0 };
  fc.assert(
    fc.property(mutatedHead, (bytes) => {
      const theirs = urlOfNode(bytes);
      const ours = readBytes(bytes);
      if (theirs === undefined) return;
      if (ours === "malformed") seen.refusedHere++;
      else seen.accepted++;
      expect(["malformed", theirs]).toContain(ours);
    }),
    { numRuns: 20_000 },
  );
  // The test would prove nothing if hardly any head got through.
  expect(seen.accepted).toBeGreaterThan(2_000);
  expect(seen.refusedHere).toBeGreaterThan(0);
  // 20,000 heads, on whatever machine.
}, 120_000);

function read(text: string): string {
  return readBytes(Buffer.from(text, "latin1"));
}

function readBytes(bytes: Buffer): string {
  const line = new RequestLine();
  const progress = line.read(bytes);
  return progress === "complete" ? line.target : progress;
}

const server = createServer();
let url: string | undefined;
for (const event of ["request", "upgrade", "connect"]) {
  server.on(event, (request: IncomingMessage) => {
    url ??= request.url;
  });
}

/** The `req.url` of the first request that Node's parser finds, undefined when it refuses the bytes. */
function urlOfNode(bytes: Buffer): string | undefined {
  url = undefined;
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  server.emit("connection", socket);
  socket.emit("data", bytes);
  socket.destroy();
  return url;
}

const sid = "sid=AAAABBCCddddddddddddd";
const target = fc.oneof(
  fc.constantFrom("/", "*", "/socket.io/", "http://h/socket.io/", "//", "a:1", "/a;b", "/%2e/?", "/#?", "/?s%69d=x&"),
  fc.string({ maxLength: 12 }).map((text) => `/socket.io/?x=${text}&${sid}`),
  fc.constantFrom(
    `/?${sid}`,
    `/?xsid=1&${sid}`,
    `/?${sid}&sid=b`,
    `/#${sid}`,
    `/?sid=%2D&${sid}#sid=z`,
    `/x?${sid}?${sid}`,
  ),
);
const head = fc
  .record({
    before: mostly("", "\r\n", "\n", "\r", " "),
    method: fc.oneof(
      fc.constantFrom("GET", "POST", "HEAD"),
      mostly("GET", "CONNECT", "PRI", "SOURCE", "get", "HTTP/1.1"),
    ),
    gap: mostly(" ", "  ", "\t", ""),
    target,
    gap2: mostly(" ", "  ", "\t", ""),
    version: mostly("HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "ICE/1.0", "RTSP/1.0", "", "http/1.1"),
    end: mostly("\r\n", "\n", "\r"),
  })
  .map(
    (h) => `${h.before}${h.method}${h.gap}${h.target}${h.gap2}${h.version}${h.end}Host: x\r\nCookie: ${sid}\r\n\r\n`,
  );
const mutation = fc.record({ at: fc.nat(60), remove: fc.nat(2), insert: fc.uint8Array({ maxLength: 2 }) });
const mutatedHead = fc
  .tuple(head, fc.array(mutation, { maxLength: 1 }))
  .map(([text, mutations]) =>
    mutations.reduce(
      (bytes, { at, remove, insert }) => Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]),
      Buffer.from(text, "latin1"),
    ),
  );

function mostly(usual: string, ...others: string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}
