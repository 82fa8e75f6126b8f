// B08, B21: what servers and proxies have read in different ways (gunicorn keeps a list of it, among others) is refused
// here, or means exactly what it means to a plain Node server. Nothing behind it is taken for a request of its own.
import { beforeAll, expect, test } from "vitest";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { startPlain } from "./support/plain.js";
import { openRaw } from "./support/raw.js";

let host: Holdfast;
let plain: { readonly url: string };
beforeAll(async () => {
  host = await startHoldfast({ app: "reflect.mjs" });
  plain = await startPlain("reflect.mjs");
});

/** What would be answered if what stands in a body, or behind one, were taken for a request. */
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

const CASES: readonly (readonly [what: string, bytes: string])[] = [
  ["a method of other characters", "b:d /x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a method that begins with a hyphen", "-GE /x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a method with a colon", "GET: /x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a method with a byte beyond ASCII", "GET\xdf /x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["NUL behind the method", "GET\0 /x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["line feeds between the words", "GET\n/\nHTTP/1.1\r\nHost: a\r\n\r\n"],
  ["no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["another protocol", "GET /x FTP/1.1\r\nHost: a\r\n\r\n"],
  ["a version of many digits", `GET /x HTTP/${"1".repeat(80)}.1\r\nHost: a\r\n\r\n`],
  ["a version without a point", "GET /x HTTP/111\r\nHost: a\r\n\r\n"],
  ["a version in lower case", "GET /x http/1.1\r\nHost: a\r\n\r\n"],
  ["version 2.0", "GET /x HTTP/2.0\r\nHost: a\r\n\r\n"],
  ["a relative target", "GET x/y HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an asterisk that is not for OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an authority that is not for CONNECT", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a target that is no URL", "PUT s://]x/: HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"],
  ["two hosts", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["an absolute target and another host", "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a header name with NUL", "GET /x HTTP/1.1\r\nHost: a\r\nx\0y: 1\r\n\r\n"],
  ["a header name beyond ASCII", "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length\xdf: 3\r\n\r\n"],
  ["an empty header name", "GET /x HTTP/1.1\r\nHost: a\r\n: 3\r\n\r\n"],
  ["a control character in a value", "GET /x HTTP/1.1\r\nHost: a\r\nx: a\x07b\r\n\r\n"],
  ["DEL in a value", "GET /x HTTP/1.1\r\nHost: a\r\nx: a\x7fb\r\n\r\n"],
  ["a bare CR in a value", `GET /x HTTP/1.1\r\nHost: a\r\nx: a\rContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
  ["a bare LF in a value", `GET /x HTTP/1.1\r\nHost: a\r\nx: a\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
  ["a folded header", "GET /x HTTP/1.1\r\nHost: a\r\nx: one\r\n two\r\n\r\n"],
  ["a folded length", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
  ["a head that ends in bare line feeds", "GET /x HTTP/1.1\nHost: a\n\n"],
  ["a space before the first colon", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n${SMUGGLED}`],
  ["a tab before the colon", `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["a length in words", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: three\r\n\r\n${SMUGGLED}`],
  ["a length of minus nothing", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n${SMUGGLED}`],
  ["a length with an underscore", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0_1\r\n\r\n${SMUGGLED}`],
  ["a length of two numbers", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3 1\r\n\r\nabc${SMUGGLED}`],
  ["a length in a list", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc${SMUGGLED}`],
  [
    "the same length twice",
    `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc${SMUGGLED}`,
  ],
  ["a length beyond any", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${"9".repeat(30)}\r\n\r\n${SMUGGLED}`],
  ["an empty length", `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n${SMUGGLED}`],
  [
    "a length and chunks",
    `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "chunks that are not last",
    `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  ["chunks twice", `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  [
    "chunks in two headers",
    `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    "an encoding that nobody knows",
    `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  ["an empty encoding", `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["chunks in HTTP/1.0", `POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  [
    "an underscore for a hyphen",
    `POST /x HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  ],
  ["a chunk's size with an underscore", `${CHUNKED}6_0\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["a chunk's size with a sign", `${CHUNKED}+5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["a space before a chunk's size", `${CHUNKED}5\r\nhello\r\n 0\r\n\r\n${SMUGGLED}`],
  ["a space behind a chunk's size", `${CHUNKED}5\r\nhello\r\n0 \r\n\r\n${SMUGGLED}`],
  ["an extension without a size", `${CHUNKED};a=b\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["a bare LF behind a chunk's size", `${CHUNKED}5\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["a bare CR in an extension", `${CHUNKED}5;a=b\rc\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["a bare LF in an extension", `${CHUNKED}5;a=b\nc\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["a chunk that is longer than its size", `${CHUNKED}2\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["a trailer that would be a length", `${CHUNKED}5\r\nhello\r\n0\r\nContent-Length: 99\r\n\r\n`],
  ["a trailer that would be a host", `${CHUNKED}5\r\nhello\r\n0\r\nHost: b\r\n\r\n`],
  ["a trailer that would be an encoding", `${CHUNKED}5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ["a header called __proto__", "GET /x HTTP/1.1\r\nHost: a\r\n__proto__: x\r\nconstructor: y\r\n\r\n"],
];

/** Every answer until the connection ends, or nothing more is under way. */
async function answersOf(server: { readonly url: string }, bytes: string): Promise<string> {
  const connection = await openRaw(server);
  connection.write(Buffer.from(bytes, "latin1"));
  connection.halfClose();
  const all = (await connection.untilClosed()).bytes.toString("latin1");
  return all.replace(/^(Date|Keep-Alive|Connection): .*\r\n/gim, "");
}

test.each(CASES)("%s", async (_, bytes) => {
  const answer = await answersOf(host, bytes);
  if (/^HTTP\/1\.1 400 /.test(answer) || answer === "") return expect(answer).not.toContain("smuggled");
  expect(answer).toBe(await answersOf(plain, bytes));
});

test("after all of them every worker lives", async () => {
  expect((await host.status()).workers.map(({ restarts }) => restarts)).toEqual([0, 0]);
});

test("behind another request on its connection each means what it means to a plain server", async () => {
  const first = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const [what, bytes] of CASES) {
    const [here, there] = [await answersOf(host, first + bytes), await answersOf(plain, first + bytes)];
    expect([what, here.includes("smuggled")]).toEqual([what, there.includes("smuggled")]);
  }
});
