import { expect, test } from "vitest";
import { failureOf, wasNotPublished } from "../../../../../src/primary/uplink/redis/failure.js";
import { RedisRefusedError } from "../../../../../src/primary/uplink/redis/redis-error.js";

function reply(message: string): Error {
  return Object.assign(new Error(message), { name: "ReplyError" });
}

function system(code: string): Error {
  return Object.assign(new Error(`it failed with ${code}`), { code });
}

test.each([
  [reply("WRONGPASS invalid username-password pair or user is disabled."), true],
  [reply("NOAUTH HELLO must be called with the client already authenticated"), true],
  [reply("NOPERM this user has no permissions to access one of the channels used as arguments"), true],
  [reply("ERR DB index is out of range"), true],
  [reply("LOADING Redis is loading the dataset in memory"), false],
  [reply("CLUSTERDOWN The cluster is down"), false],
  [reply("ERR max number of clients reached"), false],
  [system("ECONNREFUSED"), false],
  [system("ENOTFOUND"), false],
  [system("CERT_HAS_EXPIRED"), true],
  [system("ERR_TLS_CERT_ALTNAME_INVALID"), true],
  [system("ERR_SSL_WRONG_VERSION_NUMBER"), true],
  [system("SELF_SIGNED_CERT_IN_CHAIN"), true],
  [new RedisRefusedError("no"), true],
])("%s: a refusal? %s", (error, refused) => {
  const failure = failureOf(error);
  expect(failure.refused).toBe(refused);
  expect(failure.words).toContain(error.message);
});

test("the words of both addresses of a name are told", () => {
  const both = new AggregateError([
    new Error("connect ECONNREFUSED ::1:1"),
    new Error("connect ECONNREFUSED 127.0.0.1:1"),
  ]);
  expect(failureOf(both).words).toBe("connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1");
});

test("what has no words has a code, and nonsense bears being told", () => {
  expect(failureOf(Object.assign(new Error(), { code: "ECONNRESET" })).words).toBe("ECONNRESET");
  expect(failureOf(undefined).words).toBe("undefined");
  expect(failureOf("text").words).toBe("text");
});

test("a hint names the setting", () => {
  expect(failureOf(reply("MOVED 866 10.0.0.1:7000")).words).toContain("repeat --redis");
  expect(failureOf(reply("NOAUTH HELLO must be called with")).words).toContain("the URL of --redis has none");
  expect(failureOf(reply("ERR unknown command 'ssubscribe', with args beginning with: ")).words).toContain("Redis 7");
  expect(failureOf(reply("ERR This instance has cluster support disabled")).words).toContain("not in one");
});

test("only what Redis has surely not published may be sent again", () => {
  expect(wasNotPublished(reply("MOVED 866 10.0.0.1:7000"))).toBe(true);
  expect(wasNotPublished(new Error("Stream isn't writeable and enableOfflineQueue options is false"))).toBe(true);
  expect(wasNotPublished(new Error("Connection is closed."))).toBe(false);
  expect(wasNotPublished(reply("NOPERM"))).toBe(false);
});
