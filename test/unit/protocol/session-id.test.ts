import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createHostTag,
  createSessionId,
  type HostTag,
  isWellFormedSessionId,
  OWNER_NUMBER_LIMIT,
  ownerOf,
  sessionIdPrefix,
} from "../../../src/protocol/session-id.js";

const number = fc.nat(OWNER_NUMBER_LIMIT - 1);
const owner = fc.record({ host: fc.constant(createHostTag()), slot: number, incarnation: number });

test("an id names its owner", () => {
  fc.assert(
    fc.property(owner, (owner) => {
      const id = createSessionId(owner);
      expect(isWellFormedSessionId(id)).toBe(true);
      expect(ownerOf(id)).toEqual(owner);
      expect(id.startsWith(sessionIdPrefix(owner))).toBe(true);
    }),
  );
});

test("ids are URL-safe, need no escaping, and do not repeat", () => {
  const owner = { host: "AAAA" as HostTag, slot: 0, incarnation: 0 };
  const ids = Array.from({ length: 10_000 }, () => createSessionId(owner));
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(encodeURIComponent(id)).toBe(id);
});

test("two owners never share a prefix", () => {
  fc.assert(
    fc.property(owner, owner, (one, other) => {
      fc.pre(one.slot !== other.slot || one.incarnation !== other.incarnation);
      expect(sessionIdPrefix(one)).not.toBe(sessionIdPrefix(other));
    }),
  );
});

test("two boots of a host have different tags", () => {
  const tags = new Set(Array.from({ length: 100 }, createHostTag));
  expect(tags.size).toBe(100);
});

test.each(["", "a", "a".repeat(19), "a".repeat(21), "__proto__", "constructor", `${"a".repeat(19)}\n`, "ä".repeat(20)])(
  "%j has no owner",
  (id) => expect(ownerOf(id)).toBeUndefined(),
);
