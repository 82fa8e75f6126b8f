import { expect, test } from "vitest";
import { createHostTag, createSessionId } from "../../../src/protocol/session-id.js";
import { isOfSession } from "../../../src/worker/own-session.js";

const self = { host: createHostTag(), slot: 1, incarnation: 2 };
const own = createSessionId(self);
const other = createSessionId({ ...self, incarnation: 3 });

test.each([
  `GET /socket.io/?sid=${own} HTTP/1.1\r\n`,
  `\r\n\r\nPOST /x?sid=${other}&sid=${own} `,
  `GET /socket.io/?s%69d=${own} HTTP/1.1\r\nCookie: sid=${other}`,
])("%j is of this worker's session", (head) => {
  expect(isOfSession(head, self)).toBe(true);
});

test.each([
  "GET / HTTP/1.1\r\n",
  `GET /socket.io/?sid=${other} HTTP/1.1\r\n`,
  `GET / HTTP/1.1\r\nCookie: sid=${own}\r\n`,
  "",
])("%j is not", (head) => {
  expect(isOfSession(head, self)).toBe(false);
});
