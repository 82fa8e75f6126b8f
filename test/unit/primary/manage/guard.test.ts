import { expect, test } from "vitest";
import { isLoopback, refusal } from "../../../../src/primary/manage/guard.js";

const TOKEN = "correct-horse";
const bearer = (token: string) => `Bearer ${token}`;

function ask(address: string, token: string | undefined, host: string | undefined, authorization?: string) {
  return refusal({ address, token }, { host, authorization })?.status;
}

test("on loopback without a token, a request that names this machine passes", () => {
  for (const host of ["localhost", "localhost:9464", "LOCALHOST:1", "127.0.0.1:9464", "[::1]:9464", undefined]) {
    expect(ask("127.0.0.1", undefined, host), String(host)).toBeUndefined();
  }
  expect(ask("127.0.0.7", undefined, "127.0.0.7:9464")).toBeUndefined();
});

test("on loopback a foreign Host is refused, as a rebound DNS name sends it, token or not", () => {
  for (const host of ["evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil.example", ""]) {
    expect(ask("127.0.0.1", undefined, host), host).toBe(403);
    expect(ask("127.0.0.1", TOKEN, host, bearer(TOKEN)), host).toBe(403);
  }
});

test("with a token set, it is asked for on loopback and off it", () => {
  for (const address of ["127.0.0.1", "0.0.0.0"]) {
    const host = address === "127.0.0.1" ? "localhost" : "metrics.example:9464";
    expect(ask(address, TOKEN, host)).toBe(401);
    expect(ask(address, TOKEN, host, bearer("correct-hors"))).toBe(401);
    expect(ask(address, TOKEN, host, bearer(`${TOKEN}x`))).toBe(401);
    expect(ask(address, TOKEN, host, `Basic ${TOKEN}`)).toBe(401);
    expect(ask(address, TOKEN, host, bearer(`${TOKEN} x`))).toBe(401);
    expect(ask(address, TOKEN, host, bearer(TOKEN))).toBeUndefined();
    expect(ask(address, TOKEN, host, `bearer ${TOKEN}`)).toBeUndefined();
  }
});

test("off loopback without a token nothing passes, and the refusal names the setting", () => {
  for (const address of ["0.0.0.0", "::", "10.1.2.3"]) {
    const refused = refusal({ address }, { host: "localhost", authorization: bearer("") });
    expect(refused?.status).toBe(403);
    expect(refused?.text).toContain("--manage-token");
  }
});

test("loopback is 127.0.0.0/8 and ::1, and no address that looks like it", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) expect(isLoopback(address)).toBe(true);
  for (const address of ["0.0.0.0", "::", "10.0.0.1", "1127.0.0.1", "::ffff:10.0.0.1"]) {
    expect(isLoopback(address)).toBe(false);
  }
});
