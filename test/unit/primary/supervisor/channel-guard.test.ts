/** With real children, because what is guarded against is what Node really does. */
import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { guardChannel, sendConnection } from "../../../../src/primary/supervisor/channel-guard.js";

const CHILD = fileURLToPath(new URL("./rude-child.mjs", import.meta.url));

const children: ChildProcess[] = [];
const uncaught: unknown[] = [];
const note = (error: unknown) => uncaught.push(error);

beforeEach(() => {
  process.on("uncaughtException", note);
});

afterEach(async () => {
  await Promise.all(children.splice(0).map(end));
  process.off("uncaughtException", note);
  expect(uncaught.splice(0)).toEqual([]);
});

test.each([
  ["bytes that are no JSON", "\x01\xff\xfegarbage\n"],
  ["half a message", '{"cmd":\n'],
  ["an empty line", "\n"],
  ["the announcement of a handle that does not come", '{"cmd":"NODE_HANDLE","type":"net.Socket","msg":{}}\n'],
  ["a handle of no type", '{"cmd":"NODE_HANDLE"}\n'],
  ["a handle of an inherited type", '{"cmd":"NODE_HANDLE","type":"constructor"}\n'],
  ["an acknowledgement of nothing", '{"cmd":"NODE_HANDLE_ACK"}\n'],
  ["a refusal of nothing", '{"cmd":"NODE_HANDLE_NACK"}\n'],
  ["a word of node:cluster that is none", '{"cmd":"NODE_CLUSTER","act":"queryServer"}\n'],
  ["an answer to a question that was not asked", '{"cmd":"NODE_CLUSTER","ack":0,"accepted":true}\n'],
])("%s is told once, and hurts nobody", async (_, bytes) => {
  const { misbehaviour, tellings } = guarded("write", bytes + bytes);
  await misbehaviour;
  expect(tellings.misbehaved).toHaveLength(1);
});

test("a message that does not end is told, not collected", async () => {
  expect(await guarded("flood").misbehaviour).toMatch(/a message of more than/);
});

test("a descriptor that a child sends is closed and told", async () => {
  const before = openSockets();
  const { child, misbehaviour } = guarded("send-handle");
  const closed = once(child, "close");
  expect(await misbehaviour).toMatch(/descriptor/);
  child.kill("SIGKILL");
  await closed;
  expect(openSockets()).toBe(before);
});

test("a connection for a sibling arrives with its message, unread, and the next one after it", async () => {
  const { child, events, tellings } = guarded("pass");
  const passed: [{ data: string }, Socket][] = [];
  events.on("passed", (message, socket) => passed.push([message, socket]));
  await once(child, "spawn");
  const server = await listening();
  const pairs = await connections(server, 3);
  for (const { accepted } of pairs) sendConnection(child, handOff(1), accepted);
  await expect.poll(() => passed.length).toBe(3);
  for (const [{ data }, socket] of passed) {
    expect([data, socket.bytesRead, socket.remoteAddress]).toEqual(["GET / HTTP/1.1", 0, "127.0.0.1"]);
    socket.destroy();
  }
  for (const { accepted } of pairs) accepted.destroy();
  expect(tellings.misbehaved).toEqual([]);
  server.close();
});

test("what an app sends to a parent it takes for PM2 is ignored, and told once", async () => {
  const { ignored, tellings } = guarded("send", '["ready", { "deep": [[[[]]]] }]');
  expect(await ignored).toMatch(/process\.send/);
  expect(tellings.misbehaved).toEqual([]);
});

test("an app that listens through the primary gets an error instead of an open port", async () => {
  const { child, ignored } = guarded("listen", "", { NODE_UNIQUE_ID: "1" });
  const [code] = await once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
  expect(String(code)).toBe("ENOTSUP");
  expect(await ignored).toMatch(/127\.0\.0\.1/);
});

test("connections arrive in order, the copy here stays open, and nobody lists them", async () => {
  const { child, tellings } = guarded("echo");
  await once(child, "spawn");
  const listeners = child.listenerCount("exit");
  const server = await listening();
  const pairs = await connections(server, 20);
  pairs.forEach(({ accepted }, index) => {
    sendConnection(child, handOff(index), accepted);
  });
  const answers = await Promise.all(pairs.map(({ client, accepted }) => answer(client, accepted)));
  expect(answers).toEqual(pairs.map((_, index) => `connection ${index}`));
  expect(child.listenerCount("exit")).toBe(listeners);
  expect(tellings.misbehaved).toEqual([]);
  server.close();
});

test("a child that dies with connections on their way is disconnected from at once, and none of them is closed", async () => {
  const { child } = guarded("wait");
  await once(child, "spawn");
  child.kill("SIGSTOP");
  const server = await listening();
  const pairs = await connections(server, 5);
  for (const { accepted } of pairs) sendConnection(child, handOff(1), accepted);
  const gone = Promise.all([once(child, "disconnect"), once(child, "exit")]);
  child.kill("SIGKILL");
  await gone;
  sendConnection(child, handOff(2), pairs[0]?.accepted as Socket);
  const answers = pairs.map(({ client }) => text(client));
  for (const { accepted } of pairs) accepted.end("still here");
  expect(await Promise.all(answers)).toEqual(pairs.map(() => "still here"));
  server.close();
});

function guarded(deed: string, argument = "", env: Record<string, string> = {}) {
  const child = fork(CHILD, [deed, argument], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: { ...process.env, ...env },
  });
  children.push(child);
  const tellings = { misbehaved: [] as string[], ignored: [] as string[] };
  const events = new EventEmitter();
  events.on("misbehaved", (what) => tellings.misbehaved.push(what));
  events.on("ignored", (what) => tellings.ignored.push(what));
  guardChannel(child, {
    onMisbehaviour: (what) => events.emit("misbehaved", what),
    onIgnored: (what) => events.emit("ignored", what),
    onPassed: (message, socket) => events.emit("passed", message, socket),
  });
  const first = (name: string) => once(events, name).then(([what]) => what as string);
  return { child, events, tellings, misbehaviour: first("misbehaved"), ignored: first("ignored") };
}

function handOff(sequence: number) {
  return { type: "sticky:connection", data: "", sequence, validUntilMs: 0 } as const;
}

function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => linkOf(fd).startsWith("socket:")).length;
}

/** The descriptor that lists the directory is gone when it is looked at. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function listening(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

interface Pair {
  readonly client: Socket;
  readonly accepted: Socket;
}

/** One after the other, so that it is known which ends belong together. */
async function connections(server: Server, count: number): Promise<Pair[]> {
  const pairs: Pair[] = [];
  while (pairs.length < count) {
    const arrival = once(server, "connection");
    const client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
    const [accepted] = (await arrival) as [Socket];
    pairs.push({ client, accepted });
  }
  return pairs;
}

/** What comes back once the copy here has been given up, too. */
function answer(client: Socket, accepted: Socket): Promise<string> {
  client.once("data", () => accepted.destroy());
  return text(client);
}
