import fc from "fast-check";
import { expect, test } from "vitest";
import { parseGreeting, parseMembership, parseMessage } from "../../../src/chat/payload.js";

const NO_RECORDS = [undefined, null, "text", 1, true, [], ["to"], Buffer.from("to"), new Uint8Array(2), () => {}];
const NO_TEXTS = [0, 1, false, {}, [], ["a"], Buffer.from("a"), () => {}];
const NO_ROOMS = [...NO_TEXTS, undefined, null, "", "x".repeat(201)];

test("a message's sender comes out in upper case, in any script", () => {
  expect(parseMessage({ username: "ada", text_message: "hi" })).toEqual({ sender: "ADA", text_message: "hi" });
  expect(parseMessage({ username: "straße", text_message: "ß" })).toEqual({ sender: "STRASSE", text_message: "ß" });
});

test("what a message leaves out is null, and what is empty stays empty", () => {
  expect(parseMessage({})).toEqual({ sender: null, text_message: null });
  expect(parseMessage({ username: null, text_message: null })).toEqual({ sender: null, text_message: null });
  expect(parseMessage({ username: "", text_message: "" })).toEqual({ sender: "", text_message: "" });
});

test("a message goes to everybody, unless it names a room", () => {
  const everybody = { sender: null, text_message: "hi" };
  for (const to of [undefined, null, "0"]) expect(parseMessage({ text_message: "hi", to })).toEqual(everybody);
  expect(parseMessage({ text_message: "hi", to: "r" })).toEqual({ ...everybody, to: "r" });
});

test("nothing but the contract's fields is passed on", () => {
  expect(parseMessage({ text_message: "hi", sender: "x", deep: { a: [] } })).toEqual({
    sender: null,
    text_message: "hi",
  });
});

test("what is no record is no payload", () => {
  for (const payload of NO_RECORDS) {
    for (const parse of [parseMessage, parseGreeting, parseMembership]) expect(parse(payload)).toBeUndefined();
  }
});

test("a text that is no string makes the payload malformed", () => {
  for (const value of NO_TEXTS) {
    expect(parseMessage({ username: value, text_message: "hi" })).toBeUndefined();
    expect(parseMessage({ username: "ada", text_message: value })).toBeUndefined();
    expect(parseGreeting({ name: value, to: "r" })).toBeUndefined();
  }
});

test("a room is a string that is neither empty nor huge", () => {
  for (const to of NO_ROOMS) {
    expect(parseMembership({ to })).toBeUndefined();
    expect(parseGreeting({ name: "ada", to })).toBeUndefined();
  }
  for (const to of NO_TEXTS) expect(parseMessage({ text_message: "hi", to })).toBeUndefined();
  expect(parseMembership({ to: "x".repeat(200) })).toEqual({ to: "x".repeat(200) });
});

test("everybody may be greeted, but is no room to join", () => {
  expect(parseGreeting({ name: "ada", to: "0" })).toEqual({ name: "ada", to: "0" });
  expect(parseMembership({ to: "0" })).toBeUndefined();
});

test("a greeting without a name says so", () => {
  expect(parseGreeting({ to: "r" })).toEqual({ name: null, to: "r" });
});

test("a name that cannot be told does not keep anyone out of a room", () => {
  for (const name of [...NO_TEXTS, "", "x".repeat(201)])
    expect(parseMembership({ to: "r", name })).toEqual({ to: "r" });
  expect(parseMembership({ to: "r", name: "ada" })).toEqual({ to: "r", name: "ada" });
});

test("whatever JSON a client sends, nothing is thrown and only texts come out", () => {
  const field = fc.oneof(fc.string(), fc.jsonValue());
  const payload = fc.oneof(fc.jsonValue(), fc.record({ username: field, text_message: field, name: field, to: field }));
  const isText = (value: unknown) => value === null || typeof value === "string";
  fc.assert(
    fc.property(payload, (value) => {
      for (const parse of [parseMessage, parseGreeting, parseMembership]) {
        expect(Object.values(parse(value) ?? {}).every(isText)).toBe(true);
      }
    }),
  );
});
