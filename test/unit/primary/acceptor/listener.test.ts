import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ListenError } from "../../../../src/primary/acceptor/listen-error.js";
import { type ListenWhere, listen } from "../../../../src/primary/acceptor/listener.js";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

test.each([
  ["127.0.0.1", /^http:\/\/127\.0\.0\.1:\d+$/],
  ["0.0.0.0", /^http:\/\/127\.0\.0\.1:\d+$/],
  ["::1", /^http:\/\/\[::1\]:\d+$/],
  ["::", /^http:\/\/\[::1\]:\d+$/],
  ["localhost", /^http:\/\/(127\.0\.0\.1|\[::1\]):\d+$/],
])("on %s the URL is one that a browser on this machine can open", async (host, url) => {
  expect(await listen(server(), { port: 0, host }, "http")).toMatch(url);
});

test("a port that is taken is an error that names the address and who holds it", async () => {
  const taken = server();
  await listen(taken, { port: 0, host: "127.0.0.1" }, "http");
  const { port } = taken.address() as { port: number };
  const error = await failure({ port, host: "127.0.0.1" });
  expect(error.message).toBe(`EADDRINUSE 127.0.0.1:${port} (held by pid ${process.pid})`);
  expect([error.code, error.exitCode]).toEqual(["EADDRINUSE", 5]);
});

test.each([
  ["an address of another machine", { port: 0, host: "192.0.2.1" }, /^EADDRNOTAVAIL 192\.0\.2\.1:0 \(no interface/],
  ["a name without an address", { port: 0, host: "no.such.invalid" }, /^\w+ no\.such\.invalid:0/],
  ["a directory that is not there", { unix: "/no/such/dir/a.sock" }, /^(EACCES|ENOENT) unix:\/no\/such\/dir\/a\.sock/],
  ["a descriptor that is not open", { fd: 999 }, /^E\w+ fd:999 \(this descriptor is no listening socket\)/],
])("%s is an error that says so", async (_, where, text) => {
  expect((await failure(where)).message).toMatch(text);
});

test("a descriptor of a file is no listening socket", async () => {
  const fd = openSync("/dev/null", "r");
  expect((await failure({ fd })).message).toMatch(/no listening socket/);
  closeSync(fd);
});

test("a socket file left by a dead process is replaced", async () => {
  const path = temporary();
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  expect(statSync(path).isSocket()).toBe(true);
  await listen(server(), { unix: path }, "http");
});

test("a socket file on which somebody answers is left alone", async () => {
  const path = temporary();
  const owner = server();
  owner.listen(path);
  await once(owner, "listening");
  expect((await failure({ unix: path })).message).toMatch(/^EADDRINUSE unix:.*a server answers there/);
  expect(statSync(path).isSocket()).toBe(true);
});

test("a file that is no socket is left alone", async () => {
  const path = temporary();
  writeFileSync(path, "precious");
  expect((await failure({ unix: path })).message).toMatch(/^EADDRINUSE/);
  expect(statSync(path).isFile()).toBe(true);
});

function server(): Server {
  const created = createServer();
  servers.push(created);
  return created;
}

async function failure(where: ListenWhere): Promise<ListenError> {
  const error = await listen(server(), where, "http").then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ListenError);
  return error as ListenError;
}

function temporary(): string {
  return join(mkdtempSync(join(tmpdir(), "holdfast-")), "a.sock");
}
