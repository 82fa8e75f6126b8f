import { describe, expect, test } from "vitest";
import { AnswerError, type AnswerHead, AnswerReader } from "../../../src/worker/answer-reader.js";

interface Read {
  readonly head: AnswerHead | undefined;
  readonly body: string;
  readonly ended: number;
}

describe.each([
  ["at once", (text: string) => [text]],
  ["byte by byte", (text: string) => [...text]],
  ["in two halves", (text: string) => [text.slice(0, text.length / 2), text.slice(text.length / 2)]],
])("an answer that comes %s", (_, split) => {
  test("has its head as it was written, and a body of the length that it says", () => {
    const answer = read(split("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b:  c \r\nset-cookie: é\r\n\r\nhello"));
    expect(answer.head).toEqual({
      status: 200,
      reason: "OK",
      rawHeaders: ["Content-Length", "5", "X-A", "b:  c", "set-cookie", "é"],
      length: 5,
      keepsAlive: true,
    });
    expect([answer.body, answer.ended]).toEqual(["hello", 1]);
  });

  test("has its chunks joined, without what stands between them", () => {
    const chunks = "5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    const answer = read(split(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`));
    expect([answer.body, answer.ended, answer.head?.length]).toEqual(["hello 0123456789", 1, undefined]);
  });

  test.each([
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", "GET"],
    ["304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET"],
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD"],
    ["a length of 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "POST"],
  ])("of %s has no body", (_what, text, method) => {
    expect(read(split(text), method)).toMatchObject({ body: "", ended: 1 });
  });

  test("may have others before it, which are not it", () => {
    const answer = read(
      split("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
    );
    expect([answer.head?.status, answer.body]).toEqual([200, "a"]);
  });

  test("without a length goes on to the end of its connection, which carries no other", () => {
    const { reader, read: answer } = reading("GET");
    for (const piece of split("HTTP/1.1 200 OK\r\n\r\nhello")) reader.push(Buffer.from(piece, "latin1"));
    expect([answer().body, answer().ended, answer().head?.keepsAlive]).toEqual(["hello", 0, false]);
    expect([reader.end(), answer().ended]).toEqual([true, 1]);
  });

  test.each(["close", "Close, x"])("that says Connection: %s is the last", (value) => {
    expect(read(split(`HTTP/1.1 200 OK\r\nConnection: ${value}\r\nContent-Length: 0\r\n\r\n`)).head?.keepsAlive).toBe(
      false,
    );
  });

  test.each([
    ["no HTTP", "SSH-2.0-x\r\n\r\n"],
    ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n"],
    ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"],
    ["a chunk longer than it says", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"],
    ["more behind it", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"],
  ])("with %s is none", (_what, text) => {
    expect(() => read(split(text))).toThrow(AnswerError);
  });
});

test("an answer that is cut short is known to be", () => {
  for (const text of ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"]) {
    const { reader } = reading("GET");
    if (text) reader.push(Buffer.from(text));
    expect(reader.end()).toBe(false);
  }
});

test("a head without an end is not gathered for ever", () => {
  const { reader } = reading("GET");
  const more = Buffer.alloc(64 * 1024, "x");
  expect(() => {
    for (let i = 0; i < 100; i++) reader.push(more);
  }).toThrow(AnswerError);
});

function read(pieces: readonly string[], method = "GET"): Read {
  const { reader, read: answer } = reading(method);
  for (const piece of pieces) reader.push(Buffer.from(piece, "latin1"));
  expect(reader.end()).toBe(answer().ended === 1);
  return answer();
}

function reading(method: string): { reader: AnswerReader; read: () => Read } {
  let head: AnswerHead | undefined;
  let body = "";
  let ended = 0;
  const reader = new AnswerReader(method, {
    onHead: (answer) => {
      head = answer;
    },
    onBody: (piece) => {
      body += piece.toString("latin1");
    },
    onEnd: () => ended++,
  });
  return { reader, read: () => ({ head, body, ended }) };
}
