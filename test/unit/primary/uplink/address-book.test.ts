import { expect, test } from "vitest";
import { AddressBook } from "../../../../src/primary/uplink/address-book.js";

const word = { uid: "a", tag: "aaaa", address: "http://10.0.0.1:3000", goodbye: false };

function bookOf(...words: (typeof word)[]): AddressBook {
  const book = new AddressBook("self");
  for (const each of words) book.heard(each);
  return book;
}

test("a host's address is known by its tag, and only a change is told", () => {
  const book = new AddressBook("self");
  expect(book.heard(word)).toBe(true);
  expect(book.heard(word)).toBe(false);
  expect(book.heard({ ...word, address: "http://10.0.0.1:4000" })).toBe(true);
  expect(book.addresses).toEqual({ aaaa: "http://10.0.0.1:4000" });
});

test("a host that says goodbye, or has no address any more, is forgotten", () => {
  for (const last of [{ goodbye: true }, { address: "" }]) {
    const book = bookOf(word);
    expect(book.heard({ ...word, ...last })).toBe(true);
    expect(book.addresses).toEqual({});
  }
});

test("nobody takes another host's requests, or ours, by a word", () => {
  const book = bookOf(word);
  expect(book.heard({ ...word, uid: "b", address: "http://192.0.2.1:1" })).toBe(false);
  expect(book.heard({ ...word, uid: "b", goodbye: true })).toBe(false);
  expect(book.heard({ ...word, uid: "b", tag: "self" })).toBe(false);
  expect(book.addresses).toEqual({ aaaa: word.address });
});

test("a silent host is known for a minute, one that speaks for ever", () => {
  const book = bookOf(word, { ...word, uid: "b", tag: "bbbb" });
  for (let second = 0; second < 60; second++) {
    expect(book.tick()).toBe(false);
    book.heard(word);
  }
  expect(book.tick()).toBe(true);
  expect(Object.keys(book.addresses)).toEqual(["aaaa"]);
});

test("there is an end to how many are known", () => {
  const book = new AddressBook("self");
  for (let i = 0; i < 2_000; i++) book.heard({ ...word, uid: `u${i}`, tag: `t${i}` });
  expect(Object.keys(book.addresses)).toHaveLength(1_024);
});
