import { expect, test } from "vitest";
import { OwnMessages } from "../../../src/chat/page/own-message.js";

const SENT = { username: "ada", text_message: "hi", to: undefined };
const RECEIVED = { username: "ADA", text_message: "hi", to: undefined };

test("a message that comes back is one's own, once", () => {
  const own = new OwnMessages();
  own.add(SENT);
  expect(own.take(RECEIVED)).toBe(true);
  expect(own.take(RECEIVED)).toBe(false);
});

test("another text, sender or room is somebody else's", () => {
  const own = new OwnMessages();
  own.add(SENT);
  expect(own.take({ ...RECEIVED, text_message: "ho" })).toBe(false);
  expect(own.take({ ...RECEIVED, username: "BOB" })).toBe(false);
  expect(own.take({ ...RECEIVED, to: "r" })).toBe(false);
});

test("without a name, the sender comes back as null", () => {
  const own = new OwnMessages();
  own.add({ ...SENT, username: undefined });
  expect(own.take({ ...RECEIVED, username: null })).toBe(true);
});

test("what never comes back is forgotten after fifty more", () => {
  const own = new OwnMessages();
  own.add(SENT);
  for (let i = 0; i < 50; i++) own.add({ ...SENT, text_message: `${i}` });
  expect(own.take(RECEIVED)).toBe(false);
  expect(own.take({ ...RECEIVED, text_message: "0" })).toBe(true);
});
