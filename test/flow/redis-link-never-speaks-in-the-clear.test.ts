import { expect, test } from "vitest";
import { CertificateAuthority } from "./support/certificate.js";
import { startProxy } from "./support/proxy.js";
import { type RedisServer, startRedis } from "./support/redis.js";
import { NotedLink, startLink } from "./support/redis-link.js";

function files(redis: RedisServer) {
  const { caFile, client } = redis.tls as NonNullable<RedisServer["tls"]>;
  return { caFile, certFile: client.certFile, keyFile: client.keyFile };
}

test("a Redis with a certificate of a private CA, that asks for one of ours, is spoken to", async () => {
  const redis = await startRedis({ tls: true });
  const noted = await startLink(redis.url, files(redis));
  await noted.link.subscribe(["test#a"]);
  noted.link.publish("test#a", "hello");
  await noted.heard("hello");
});

test.each([
  ["a certificate that has expired", { expired: true }, /expired/],
  ["a certificate of another name", { names: ["DNS:else.where"] }, /does not match certificate/],
])("%s ends the start", async (_, tls, words) => {
  const redis = await startRedis({ tls });
  const error = await new NotedLink(redis.url, files(redis)).link.start().catch((each) => each);
  expect(error).toMatchObject({ name: "RedisRefusedError", exitCode: 78 });
  expect(error.message).toMatch(words);
});

test("a CA that we were not told of, and another one, end the start", async () => {
  const redis = await startRedis({ tls: true });
  const { certFile, keyFile } = files(redis);
  await expect(new NotedLink(redis.url, { certFile, keyFile }).link.start()).rejects.toThrow(/self-signed|unable to/);
  const { caFile } = new CertificateAuthority();
  await expect(new NotedLink(redis.url, { caFile, certFile, keyFile }).link.start()).rejects.toThrow(/TLS:/);
});

test("a Redis that asks for our certificate, and gets none, does not let us in, and we are told which setting", async () => {
  const redis = await startRedis({ tls: true });
  const { caFile } = files(redis);
  const noted = new NotedLink(redis.url, { caFile });
  const error = await noted.link.start().catch((each) => each);
  expect(noted.link.state).not.toBe("ready");
  expect(error?.message ?? JSON.stringify(noted.downs)).toMatch(
    /certificate required|perhaps it asks for a certificate/i,
  );
});

test("rediss:// to a Redis without TLS sends no password", async () => {
  const redis = await startRedis({ args: ["--requirepass", "hunter2"] });
  const proxy = await startProxy(redis);
  const noted = new NotedLink(proxy.url.replace("http://", "rediss://:hunter2@"));
  await noted.link.start().catch(() => {});
  expect(noted.link.state).not.toBe("ready");
  expect(redis.log).not.toContain("hunter2");
  expect(proxy.bytesUp).toBeGreaterThan(0);
});

test("a file that cannot be read ends the start, and is named", async () => {
  const tls = await startRedis({ tls: true });
  await expect(new NotedLink(tls.url, { caFile: "/nonexistent/ca.pem" }).link.start()).rejects.toThrow(
    /\/nonexistent\/ca.pem cannot be read/,
  );
});

test("a Unix socket is spoken to", async () => {
  const redis = await startRedis({ unixSocket: true });
  const noted = await startLink(redis.url);
  await noted.link.subscribe(["test#a"]);
  noted.link.publish("test#a", "hello");
  await noted.heard("hello");
});
