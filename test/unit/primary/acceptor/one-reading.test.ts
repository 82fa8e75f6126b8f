// B08: whatever bytes come, in whatever pieces, behind a PROXY header or not: the session that the primary reads out of
// them is the one that the worker reads, or one of the two refuses them. 100,000 heads a run, each with a seed that fast-check
// prints when it fails.
import { createServer, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Admission } from "../../../../src/primary/acceptor/admission.js";
import { Heads } from "../../../../src/primary/acceptor/heads.js";
import type { Refusals } from "../../../../src/primary/acceptor/refusal.js";
import { answerTo } from "../../../../src/primary/acceptor/refused-head.js";
import { allowsOrigin, crossOriginHeaders, isPreflight } from "../../../../src/protocol/cross-origin.js";
import { queryOf, sessionIdOf } from "../../../../src/protocol/request-target.js";
import { createHostTag, createSessionId, sessionIdPrefix } from "../../../../src/protocol/session-id.js";
import { isOfSession } from "../../../../src/worker/own-session.js";

vi.mock("../../../../src/primary/acceptor/reading.js", () => ({ stopReading: () => true }));

const HEADS = 100_000;
/** On whatever machine. */
const WITHIN_MS = 300_000;
const ORIGIN = "https://good.example";
const OWNER = { host: createHostTag(), slot: 1, incarnation: 2 };
const [SID, OTHER] = [createSessionId(OWNER), createSessionId({ ...OWNER, slot: 2 })];
const PREFIX = sessionIdPrefix(OWNER);
const PEER = "192.0.2.7";

test(
  "what the primary does not refuse is the session that the worker, and Engine.IO, find in it",
  () => {
    const seen = { agreed: 0, sessions: 0, proxied: 0, refusedHere: 0, refusedThere: 0 };
    fc.assert(
      fc.property(arrivals, ({ bytes, header, cuts }) => {
        const here = primaryOf(header, bytes, cuts);
        const there = workerOf(bytes);
        if (there === undefined) return void seen.refusedThere++;
        if (here === undefined) return void seen.refusedHere++;
        seen.agreed++;
        if (header.length > 0) seen.proxied++;
        // What is handed over, with what is still to come, is what was sent.
        same(bytes.compare(here.bytes, 0, here.bytes.length, 0, here.bytes.length), 0);
        same(here.peer, header.length > 0 ? PEER : undefined);
        same(here.target, there.url);
        const sid = sessionIdOf(here.target);
        if (sid !== undefined) seen.sessions++;
        same(queryOf(there.url ?? "")?.sid || undefined, sid);
        same(lastSid(there.url ?? ""), sid);
        same(isOfSession(here.bytes.toString("latin1"), OWNER), sid?.startsWith(PREFIX) === true);
      }),
      { numRuns: HEADS },
    );
    // It would prove nothing if hardly any head got through, or hardly any had a session.
    expect(seen.agreed).toBeGreaterThan(HEADS / 4);
    expect(seen.sessions).toBeGreaterThan(HEADS / 10);
    expect(seen.proxied).toBeGreaterThan(HEADS / 20);
    expect(Math.min(seen.refusedHere, seen.refusedThere)).toBeGreaterThan(0);
  },
  WITHIN_MS,
);

test(
  "an answer of the primary's own can be read by no page that the worker would not let in",
  () => {
    const seen = { granted: 0, preflights: 0 };
    fc.assert(
      fc.property(heads, (bytes) => {
        const there = workerOf(bytes);
        if (there === undefined) return;
        const { status, headers } = answerTo(bytes, [ORIGIN]);
        const said = crossOriginHeaders([ORIGIN], there.headers.origin);
        if ("Access-Control-Allow-Origin" in headers) {
          seen.granted++;
          expect(allowsOrigin([ORIGIN], there.headers.origin)).toBe(true);
          expect(headers).toMatchObject(said);
        }
        if (status === 204) {
          seen.preflights++;
          expect(isPreflight(there.method, there.headers)).toBe(true);
        }
      }),
      { numRuns: HEADS / 5 },
    );
    expect(seen.granted).toBeGreaterThan(HEADS / 500);
    expect(seen.preflights).toBeGreaterThan(0);
  },
  WITHIN_MS,
);

/** `expect` for what is asked a million times. */
function same(actual: unknown, expected: unknown): void {
  if (actual !== expected) expect(actual).toBe(expected);
}

interface Reading {
  readonly target: string;
  readonly bytes: Buffer;
  readonly peer: string | undefined;
}

/** What the primary hands over; undefined: it refuses, or waits for more. */
function primaryOf(header: Buffer, bytes: Buffer, cuts: readonly number[]): Reading | undefined {
  let reading: Reading | undefined;
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  // As the real one: what still comes is read by nobody.
  const refusals = { refuse: () => socket.removeAllListeners("data") } as unknown as Refusals;
  const proxies = { speaksFor: () => header.length > 0, onPeer: () => true };
  const read = new Heads(
    { maxHeaderBytes: 16_384, headerTimeoutMs: 1_000 },
    refusals,
    proxies,
    (caller, target, read) => {
      reading = { target, bytes: Buffer.from(read), peer: caller.peer?.address };
      socket.removeAllListeners("data");
    },
  );
  const visit = new Admission({}, () => false).enter();
  read.read({ socket: socket as Socket, visit, peer: undefined });
  const all = Buffer.concat([header, bytes]);
  const at = [0, ...cuts.map((cut) => cut % all.length).toSorted((a, b) => a - b), all.length];
  for (let i = 1; i < at.length; i++) {
    // A copy, as the kernel would give it, which is overwritten by the next.
    const chunk = Buffer.from(all.subarray(at[i - 1], at[i]));
    if (chunk.length > 0 && !socket.destroyed) socket.emit("data", chunk);
    chunk.fill(0);
  }
  socket.destroy();
  return reading;
}

const server = createServer();
// An answer to what is refused, and to whom, is not asked for here.
server.on("clientError", (_, socket) => socket.destroy());
let request: IncomingMessage | undefined;
for (const event of ["request", "upgrade", "connect"]) {
  server.on(event, (parsed: IncomingMessage) => {
    request ??= parsed;
  });
}

/** The first request that the worker's parser finds, undefined when it refuses the bytes. */
function workerOf(bytes: Buffer): IncomingMessage | undefined {
  request = undefined;
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  server.emit("connection", socket);
  socket.emit("data", bytes);
  socket.destroy();
  return request;
}

/** Of another make than ours: what a server would read that knows of no rule but the URL's. */
function lastSid(url: string): string | undefined {
  if (!URL.canParse(url, "http://a")) return undefined;
  return new URL(url, "http://a").searchParams.getAll("sid").at(-1) || undefined;
}

function mostly(usual: string, ...others: string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}

const sid = `sid=${SID}`;
const targets = fc.oneof(
  fc.constantFrom("/", "*", "/socket.io/", "http://h/socket.io/", "//", "a:1", "/a;b", "/%2e/?", "/#?", "/?s%69d=x&"),
  fc.string({ maxLength: 12 }).map((text) => `/socket.io/?x=${text}&${sid}`),
  fc.constantFrom("&", "?", "#", ";", "%26", "\\", "+", "//", "%00").map((mark) => `/socket.io/?EIO=4${mark}${sid}`),
  fc.constantFrom(
    `/socket.io/?EIO=4&transport=polling&${sid}`,
    `/?xsid=1&${sid}`,
    `/?sid=${OTHER}&${sid}`,
    `/?${sid}&sid=b`,
    `/?${sid}&SID=b`,
    `/?${sid}&sid`,
    `/?sid[]=x&${sid}`,
    `/#${sid}`,
    `/?sid=%2D&${sid}#sid=z`,
    `/x?${sid}?${sid}`,
    `http://h/?${sid}@x/?sid=${OTHER}`,
    `//user:p@h:1/?${sid}`,
    `/?%73id=${OTHER}&${sid}`,
    `/?s+id=${OTHER}&${sid}`,
    `/?sid=%${SID.charCodeAt(0).toString(16)}${SID.slice(1)}`,
  ),
);
const extraHeaders = fc.oneof(
  { weight: 6, arbitrary: fc.constant("") },
  fc.constantFrom(
    `Origin: ${ORIGIN}\r\n`,
    `origin:${ORIGIN}\r\n`,
    `ORIGIN: \t${ORIGIN} \r\n`,
    `Origin: https://evil.example\r\nOrigin: ${ORIGIN}\r\n`,
    `Origin: ${ORIGIN}\r\nOrigin: https://evil.example\r\n`,
    `Origin: ${ORIGIN}\r\n .evil.example\r\n`,
    `Origin: https://evil.example\r\nX: a\r\n Origin: ${ORIGIN}\r\n`,
    `X: a\rOrigin: ${ORIGIN}\r\n`,
    `X: a\nOrigin: ${ORIGIN}\r\n`,
    `Origin : ${ORIGIN}\r\n`,
    `Origin: ${ORIGIN}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x\r\n`,
    "Upgrade: websocket\r\nConnection: Upgrade\r\n",
  ),
);
const heads = fc
  .tuple(
    fc.record({
      before: mostly("", "\r\n", "\n", "\r", " ", "\t"),
      method: fc.oneof(
        fc.constantFrom("GET", "POST", "OPTIONS"),
        mostly("GET", "CONNECT", "PRI", "SOURCE", "get", "HTTP/1.1"),
      ),
      gap: mostly(" ", "  ", "\t", ""),
      target: targets,
      gap2: mostly(" ", "  ", "\t", ""),
      version: mostly("HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "ICE/1.0", "RTSP/1.0", "", "http/1.1"),
      end: mostly("\r\n", "\n", "\r"),
      extra: extraHeaders,
    }),
    fc.array(fc.record({ at: fc.nat(160), remove: fc.nat(2), insert: fc.uint8Array({ maxLength: 2 }) }), {
      maxLength: 1,
    }),
  )
  .map(([h, mutations]) => {
    const line = `${h.before}${h.method}${h.gap}${h.target}${h.gap2}${h.version}${h.end}`;
    const text = Buffer.from(`${line}Host: x\r\n${h.extra}Cookie: sid=${OTHER}\r\n\r\n`, "latin1");
    return mutations.reduce(
      (bytes, { at, remove, insert }) => Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]),
      text,
    );
  });
const proxyHeaders = fc.oneof(
  { weight: 3, arbitrary: fc.constant(Buffer.alloc(0)) },
  fc.constantFrom(
    Buffer.from(`PROXY TCP4 ${PEER} 192.0.2.1 12345 80\r\n`),
    Buffer.concat([
      Buffer.from("\r\n\r\n\0\r\nQUIT\n\x21\x11", "latin1"),
      Buffer.from([0, 12, 192, 0, 2, 7, 192, 0, 2, 1, 0x30, 0x39, 0, 80]),
    ]),
    // With an extension that looks like a request.
    Buffer.concat([
      Buffer.from("\r\n\r\n\0\r\nQUIT\n\x21\x11", "latin1"),
      Buffer.from([0, 12 + 3 + 16, 192, 0, 2, 7, 192, 0, 2, 1, 0x30, 0x39, 0, 80, 0xe0, 0, 16]),
      Buffer.from("GET /?sid=a HTTP"),
    ]),
  ),
);
const arrivals = fc.record({
  bytes: heads,
  header: proxyHeaders,
  cuts: fc.array(fc.nat(200), { maxLength: 3 }),
});
