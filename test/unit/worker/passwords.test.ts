import { createHash } from "node:crypto";
import bcrypt from "bcryptjs";
import { beforeEach, expect, test, vi } from "vitest";
import { parsePasswordFile } from "../../../src/protocol/password-file.js";
import { Passwords } from "../../../src/worker/passwords.js";

const FILE = [
  `ada:${bcrypt.hashSync("lovelace", 4).replace("$2b$", "$2y$")}`,
  `bob:{SHA}${createHash("sha1").update("builder").digest("base64")}`,
  `zoë:${bcrypt.hashSync("pass:wörd", 4)}`,
].join("\n");

const compare = vi.spyOn(bcrypt, "compare");
beforeEach(() => void compare.mockClear());

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

test.each([
  ["ada", "lovelace"],
  ["bob", "builder"],
  ["zoë", "pass:wörd"],
])("%s comes in with the right password, and the second time without the work", async (user, password) => {
  const passwords = new Passwords(parsePasswordFile(FILE));
  expect(await passwords.judge(basic(user, password), "a", 0)).toEqual({ kind: "welcome" });
  const tries = compare.mock.calls.length;
  expect(passwords.judge(basic(user, password), "a", 0)).toEqual({ kind: "welcome" });
  expect(compare.mock.calls.length).toBe(tries);
});

test.each([
  undefined,
  "",
  "Bearer x",
  "Basic",
  "Basic !!!",
  basic("", "x"),
  `Basic ${Buffer.from("ada").toString("base64")}`,
])("%j is no password, and costs nothing", (authorization) => {
  const passwords = new Passwords(parsePasswordFile(FILE));
  for (let i = 0; i < 50; i++) {
    expect(passwords.judge(authorization, "a", 0)).toEqual({ kind: "unknown", wasWrong: false });
  }
  expect(compare).not.toHaveBeenCalled();
});

test.each(["ada", "bob", "nobody", "__proto__"])("a wrong password of %s costs the work of one", async (user) => {
  const passwords = new Passwords(parsePasswordFile(FILE));
  expect(await passwords.judge(basic(user, "wrong"), "a", 0)).toEqual({ kind: "unknown", wasWrong: true });
  expect(compare).toHaveBeenCalledTimes(1);
});

test("who fails too often waits, others and the known do not", async () => {
  const passwords = new Passwords(parsePasswordFile(FILE));
  await passwords.judge(basic("bob", "builder"), "192.0.2.1", 0);
  for (let i = 0; i < 10; i++) await passwords.judge(basic("ada", `wrong ${i}`), "192.0.2.1", 0);
  expect(await passwords.judge(basic("ada", "lovelace"), "192.0.2.1", 0)).toEqual({ kind: "wait", ms: 6_000 });
  expect(await passwords.judge(basic("bob", "builder"), "192.0.2.1", 0)).toEqual({ kind: "welcome" });
  expect(await passwords.judge(basic("ada", "lovelace"), "192.0.2.2", 0)).toEqual({ kind: "welcome" });
  expect(await passwords.judge(basic("zoë", "pass:wörd"), "192.0.2.1", 6_001)).toEqual({ kind: "welcome" });
});

test("the same password many times at once is one try, and of different ones only a few are tried", async () => {
  const passwords = new Passwords(parsePasswordFile(FILE));
  const same = Array.from({ length: 40 }, () => passwords.judge(basic("ada", "lovelace"), "a", 0));
  expect(await Promise.all(same)).toEqual(Array(40).fill({ kind: "welcome" }));
  expect(compare).toHaveBeenCalledTimes(1);
  const many = Array.from({ length: 40 }, (_, i) => passwords.judge(basic("ada", `wrong ${i}`), `192.0.2.${i}`, 0));
  const kinds = (await Promise.all(many)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "busy").length).toBe(8);
});
