import { expect, test } from "vitest";
import { openSeal, seal } from "../../../src/worker/host-seal.js";

const request = { method: "GET", url: "/socket.io/?EIO=4&transport=polling&sid=abc" };
const client = "192.0.2.7 4711 IPv4";

test("what one host seals another opens, also of a client without an address", () => {
  expect(openSeal("hush", request, seal("hush", request, client))).toBe(client);
  // As it comes through HTTP, which takes spaces off the ends.
  expect(openSeal("hush", request, seal("hush", request, "  ").trim())?.trim()).toBe("");
});

test("no two seals are alike", () => {
  expect(seal("hush", request, client)).not.toBe(seal("hush", request, client));
});

test.each([
  ["another secret", (sealed: string) => openSeal("hash", request, sealed)],
  ["another method", (sealed: string) => openSeal("hush", { ...request, method: "POST" }, sealed)],
  ["another target", (sealed: string) => openSeal("hush", { ...request, url: `${request.url}d` }, sealed)],
  ["another address", (sealed: string) => openSeal("hush", request, sealed.replace("192.0.2.7", "192.0.2.8"))],
  ["another nonce", (sealed: string) => openSeal("hush", request, `A${sealed.slice(1)}B`.slice(0, sealed.length))],
  ["a shorter signature", (sealed: string) => openSeal("hush", request, sealed.replace(/^(\S+ )\S/, "$1"))],
  ["two of them", (sealed: string) => openSeal("hush", request, `${sealed}, ${sealed}`)],
  ["nothing", () => openSeal("hush", request, "")],
])("it is not believed with %s", (_, open) => {
  expect(open(seal("hush", request, client))).toBeUndefined();
});
