import { expect, test } from "vitest";
import { decode } from "../../../../src/worker/codec.js";
import { markText } from "../../../../src/worker/recovery/marked.js";
import { DEFAULT_RECOVERY_WINDOW_MS, recoveryOption } from "../../../../src/worker/recovery/option.js";
import { encodeData, MAX_DATA_BYTES } from "../../../../src/worker/recovery/session-data.js";

test("a cursor stands behind the arguments of an event, and what is no event of Socket.IO's text has none", () => {
  expect(markText(['2["news"]'], "c")).toEqual(['2["news","c"]']);
  expect(markText(['2/chat,["news",[1]]'], "c")).toEqual(['2/chat,["news",[1],"c"]']);
  const bytes = Buffer.from("x");
  expect(markText(['51-["news",{"_placeholder":true,"num":0}]', bytes], "c")).toEqual([
    '51-["news",{"_placeholder":true,"num":0},"c"]',
    bytes,
  ]);
  for (const other of ['{"type":2}', "", "2", bytes]) expect(markText([other], "c")).toBeUndefined();
  expect(markText([], "c")).toBeUndefined();
});

test("recovery is on where the app asks for it or the operator says so, who is heard first", () => {
  expect(recoveryOption(undefined, {})).toBeUndefined();
  expect(recoveryOption({}, { recovery: "off" })).toBeUndefined();
  const byDefault = { windowMs: DEFAULT_RECOVERY_WINDOW_MS, skipMiddlewares: false };
  expect(recoveryOption({}, {})).toEqual(byDefault);
  expect(recoveryOption(undefined, { recovery: "on" })).toEqual(byDefault);
  const asked = { maxDisconnectionDuration: 5_000, skipMiddlewares: true };
  expect(recoveryOption(asked, {})).toEqual({ windowMs: 5_000, skipMiddlewares: true });
  expect(recoveryOption(asked, { recoveryWindowMs: 7_000 })).toEqual({ windowMs: 7_000, skipMiddlewares: true });
  expect(recoveryOption({ maxDisconnectionDuration: -1 }, {})).toEqual(byDefault);
  expect(recoveryOption({ maxDisconnectionDuration: Number.POSITIVE_INFINITY }, {})).toEqual(byDefault);
});

test("data is kept as a clone, nothing where there is none, and without what cannot be cloned", () => {
  for (const nothing of [{}, undefined, null]) expect(encodeData(nothing).bytes).toHaveLength(0);
  const data: Record<string, unknown> = { map: new Map([["a", new Date(0)]]) };
  data.self = data;
  const copy = decode(encodeData(data).bytes) as typeof data;
  expect(copy.map).toEqual(data.map);
  expect(copy.self).toBe(copy);
  const { bytes, problem } = encodeData({ name: "ada", big: 1n, call: () => {} });
  expect(problem).toBeInstanceOf(Error);
  expect(decode(bytes)).toMatchObject({ name: "ada", big: 1n });
  const large = encodeData({ text: "x".repeat(MAX_DATA_BYTES) });
  expect(large.bytes).toHaveLength(0);
  expect(large.problem).toBeInstanceOf(RangeError);
});
