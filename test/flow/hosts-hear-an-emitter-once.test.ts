// @socket.io/redis-emitter in a process that serves nobody: what it says is done exactly once for each client.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Emitter } from "@socket.io/redis-emitter";
import { Redis } from "ioredis";
import { beforeAll, describe, expect, test } from "vitest";
import { onCleanup } from "./support/cleanup.js";
import { clientsOnEach, collect, disconnected, type Socket } from "./support/client.js";
import { ROOT } from "./support/command.js";
import { eventually } from "./support/eventually.js";
import type { Holdfast } from "./support/holdfast.js";
import { startHosts } from "./support/hosts.js";
import { startRedis } from "./support/redis.js";
import { run, socket } from "./support/remote.js";

let hosts: readonly Holdfast[];
let emitter: Emitter;
let port: number;

beforeAll(async () => {
  const redis = await startRedis();
  port = redis.port;
  hosts = await startHosts({ redis: redis.url });
  const connection = new Redis(redis.url);
  onCleanup(() => connection.disconnect());
  emitter = new Emitter(connection);
});

describe("an emitter's", () => {
  test("event reaches every client once, binary too", async () => {
    const clients = await clientOnEachWorker();
    const events = clients.map((client) => collect(client, "news"));
    const args = ["é", 1.5, null, { bytes: Buffer.from("b"), list: [1, [2]] }];
    emitter.emit("news", ...args);
    await said(clients);
    for (const { items } of events) expect(items).toEqual([args]);
  });

  test("event for rooms reaches their members once, less those excepted", async () => {
    const clients = await clientOnEachWorker();
    const [a, b, c, d] = clients;
    for (const member of [a, b, c]) await run(member, socket.join(["r", "s"]));
    await run(d, socket.join("s"));
    await run(c, socket.join("not"));
    const events = clients.map((client) => collect(client, "news"));
    emitter.to("r").emit("news", "r");
    emitter.to(["r", "s"]).except("not").emit("news", "r or s, but not");
    emitter.to("nobody").emit("news", "nobody");
    emitter.to(b.id as string).emit("news", "b");
    emitter.volatile.emit("news", "volatile");
    await said(clients);
    expect(events.map(({ items }) => items.flat())).toEqual([
      ["r", "r or s, but not", "volatile"],
      ["r", "r or s, but not", "b", "volatile"],
      ["r", "volatile"],
      ["r or s, but not", "volatile"],
    ]);
  });

  test("event for another namespace reaches that alone", async () => {
    const clients = await clientOnEachWorker();
    const others = await clientOnEachWorker("/chat");
    const events = [...clients, ...others].map((client) => collect(client, "news"));
    emitter.of("/chat").emit("news");
    await said(others, emitter.of("/chat"));
    await said(clients);
    expect(events.map(({ items }) => items.length)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });

  test("socketsJoin and socketsLeave move sockets of every host", async () => {
    const clients = await clientOnEachWorker();
    const [a, , , d] = clients;
    for (const member of [a, d]) await run(member, socket.join("old"));
    emitter.in("old").socketsJoin(["new", "newer"]);
    emitter.in("new").socketsLeave("old");
    await eventually(
      () => Promise.all(clients.map(async (client) => (await run<string[]>(client, socket.rooms)).slice(1).join())),
      (rooms) => rooms.join(" ") === "new,newer   new,newer",
    );
    const events = clients.map((client) => collect(client, "news"));
    emitter.to("newer").emit("news");
    await said(clients);
    expect(events.map(({ items }) => items.length)).toEqual([1, 0, 0, 1]);
  });

  test("disconnectSockets ends sockets of every host", async () => {
    const clients = await clientOnEachWorker();
    const [a, b, c, d] = clients;
    for (const member of [a, d]) await run(member, socket.join("r"));
    const ended = [a, d].map((client) => disconnected(client));
    emitter.in("r").disconnectSockets(true);
    expect(await Promise.all(ended)).toEqual(["io server disconnect", "io server disconnect"]);
    expect([b, c].map(({ connected }) => connected)).toEqual([true, true]);
  });

  test("serverSideEmit reaches every worker once", async () => {
    const clients = await clientOnEachWorker();
    const events = clients.map((client) => collect(client, "server-side"));
    emitter.serverSideEmit("server-side", "a");
    await Promise.all(events.map((event) => event.untilCount(1)));
    await said(clients);
    expect(events.map(({ items }) => items)).toEqual([0, 1, 0, 1].map((slot) => [[slot, "a"]]));
  });
});

test("the emitter of docs/hosts.md in Python is one, too", async () => {
  const clients = await clientOnEachWorker();
  await run(clients[3], socket.join("harbour"));
  const events = clients.map((client) => collect(client, "gm"));
  const text = readFileSync(join(ROOT, "docs/hosts.md"), "utf8");
  const program = /```python\n(.*?)```/s.exec(text)?.[1] ?? "";
  const { status, stderr } = spawnSync("/usr/bin/python3", [
    "-c",
    program.replace("redis.Redis()", `redis.Redis(port=${port})`),
  ]);
  expect([status, String(stderr)]).toEqual([0, ""]);
  await said(clients);
  expect(events.map(({ items }) => items)).toEqual([[], [], [], [[{ name: "ada", to: "harbour" }]]]);
});

async function clientOnEachWorker(namespace = "/"): Promise<[Socket, Socket, Socket, Socket]> {
  const all = await Promise.all(hosts.map((host) => clientsOnEach(host, [0, 1], { namespace })));
  return all.flat() as [Socket, Socket, Socket, Socket];
}

/** What the emitter has said before has come then: it is heard in order. */
async function said(clients: readonly Socket[], from = emitter): Promise<void> {
  const last = clients.map((client) => collect(client, "last"));
  from.emit("last");
  await Promise.all(last.map((event) => event.untilCount(1)));
}
