// C24: what the test suites of github.com/socketio/engine.io-protocol and socket.io-protocol ask of a server, case by case
// and in their order. Each case runs 20 times at once over 4 workers, plain and by TLS, and its requests come on
// connections that all runs share, so most of them reach a worker that has to forward them.
//
// The times are longer than the suites' (300 and 200 ms), so that a busy machine is not taken for a client that is gone.
// Where a case there relies on two connections being read in the order in which they were written, this one waits for
// what shows that the first was read.
import { beforeAll, describe, expect, test } from "vitest";
import type { Server } from "../flow/support/client.js";
import { startHoldfast } from "../flow/support/holdfast.js";
import { type Answer, ProtocolClient, type Wire } from "../flow/support/protocol.js";
import { startSecurely } from "../flow/support/tls.js";

const WORKERS = 4;
const TIMES = 20;
const PING_INTERVAL_MS = 3_000;
const PING_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 13_000;
const PING = "2";
const PONG = "3";

const env = {
  PING_INTERVAL_MS: String(PING_INTERVAL_MS),
  PING_TIMEOUT_MS: String(PING_TIMEOUT_MS),
  CONNECT_TIMEOUT_MS: String(CONNECT_TIMEOUT_MS),
};
const HANDSHAKE = {
  sid: expect.any(String),
  pingInterval: PING_INTERVAL_MS,
  pingTimeout: PING_TIMEOUT_MS,
  maxPayload: 1_000_000,
};

interface Clients {
  readonly engine: ProtocolClient;
  readonly socket: ProtocolClient;
}

let plain: Clients;
let secure: Clients;
beforeAll(async () => {
  const options = { app: "protocol-suite.mjs", workers: WORKERS, env };
  plain = clientsOf(await startHoldfast(options));
  secure = clientsOf((await startSecurely(options)).server);
});

function clientsOf(server: Server): Clients {
  return { engine: new ProtocolClient(server, "&echo"), socket: new ProtocolClient(server) };
}

/** All runs at once. */
function cases(which: keyof Clients, list: Record<string, (client: ProtocolClient) => Promise<void>>): void {
  test.each(Object.entries(list))("%s", async (_, run) => {
    const runs = [plain, secure].flatMap((clients) => Array.from({ length: TIMES }, () => run(clients[which])));
    await Promise.all(runs);
  });
}

describe.each(["engine", "socket"] as const)("Engine.IO's protocol, below %s.io", (which) => {
  describe("handshake by polling", () =>
    cases(which, {
      "opens a session": async (client) => {
        expect(await client.handshake()).toEqual({ ...HANDSHAKE, upgrades: ["websocket"] });
      },
      "fails without a version, or with a wrong one": async (client) => {
        for (const query of ["transport=polling", "EIO=abc&transport=polling"]) {
          expect((await client.ask(query)).status).toBe(400);
        }
      },
      "fails without a transport, or with a wrong one": async (client) => {
        for (const query of ["EIO=4", "EIO=4&transport=abc"]) expect((await client.ask(query)).status).toBe(400);
      },
      "fails with another method": async (client) => {
        for (const method of ["POST", "PUT"]) {
          expect((await client.ask("EIO=4&transport=polling", method)).status).toBe(400);
        }
      },
    }));

  describe("handshake by WebSocket", () =>
    cases(which, {
      "opens a session": async (client) => {
        const wire = client.websocket();
        expect(await wire.handshake()).toEqual({ ...HANDSHAKE, upgrades: [] });
        wire.close();
      },
      "fails without a version, or with a wrong one": async (client) => {
        for (const query of ["transport=websocket", "EIO=abc&transport=websocket"]) await refused(client, query);
      },
      "fails without a transport, or with a wrong one": async (client) => {
        for (const query of ["EIO=4", "EIO=4&transport=abc"]) await refused(client, query);
      },
    }));

  describe("heartbeat", () =>
    cases(which, {
      "goes back and forth, by polling and by WebSocket, and a session that is silent ends": async (client) => {
        await Promise.all([beatsByPolling(client), beatsByWebSocket(client), endsWhenSilent(client)]);
      },
    }));

  describe("close", () =>
    cases(which, {
      "ends a session and its poll": async (shared) => {
        const client = shared.alone();
        const sid = await client.openSession();
        const { answer } = await client.beginPoll(sid);
        expect((await shared.post(sid, "1")).status).toBe(200);
        expect(await answer).toEqual({ status: 200, body: "6" });
        expect((await shared.poll(sid)).status).toBe(400);
      },
      "ends a WebSocket": async (client) => {
        const wire = client.websocket();
        await wire.handshake();
        wire.send("1");
        await wire.closed();
      },
    }));

  describe("upgrade", () =>
    cases(which, {
      "moves a session to a WebSocket, and ends its poll": async (client) => {
        const sid = await client.openSession();
        const wire = await client.upgrading(sid);
        expect(await pollPastPings(client, sid)).toEqual({ status: 200, body: "6" });
        await upgraded(which, wire);
        wire.close();
      },
      "leaves nothing to requests of the same session": async (client) => {
        const sid = await client.openSession();
        const wire = await client.upgrading(sid);
        await upgraded(which, wire);
        expect((await client.poll(sid)).status).toBe(400);
        await isHeard(which, wire);
        wire.close();
      },
      "leaves nothing to a second WebSocket of the same session": async (client) => {
        const sid = await client.openSession();
        const wire = await client.upgrading(sid);
        await upgraded(which, wire);
        await client.websocket(`EIO=4&transport=websocket&sid=${sid}`).closed();
        await isHeard(which, wire);
        wire.close();
      },
    }));
});

describe("Engine.IO's messages", () =>
  cases("engine", {
    "one text by polling": (client) => echoesByPolling(client, "4hello"),
    "several texts by polling": (client) => echoesByPolling(client, "4test1\x1e4test2\x1e4test3"),
    "text and binary by polling": (client) => echoesByPolling(client, "4hello\x1ebAQIDBA=="),
    "a malformed one by polling ends the session": async (client) => {
      const sid = await client.openSession();
      // Engine.IO answers it 200, which the suite lets pass.
      await client.post(sid, "abc");
      expect((await client.poll(sid)).status).toBe(400);
    },
    "two polls at once end the session": async (shared) => {
      const client = shared.alone();
      const sid = await client.openSession();
      const { answer } = await client.beginPoll(sid);
      expect((await shared.poll(sid)).status).toBe(400);
      expect(await answer).toEqual({ status: 200, body: "1" });
      expect((await shared.poll(sid)).status).toBe(400);
    },
    "text by WebSocket": (client) => echoesByWebSocket(client, "4hello"),
    "binary by WebSocket": (client) => echoesByWebSocket(client, Buffer.from([1, 2, 3, 4])),
    "a malformed one by WebSocket ends the session": async (client) => {
      const wire = client.websocket();
      await wire.handshake();
      wire.send("abc");
      await wire.closed();
    },
  }));

describe("Socket.IO's connect", () =>
  cases("socket", {
    "to the main namespace": (client) => joins(client, "40", "40", '42["auth",{}]'),
    "to it with a payload": (client) => joins(client, '40{"token":"123"}', "40", '42["auth",{"token":"123"}]'),
    "to another namespace": (client) => joins(client, "40/custom,", "40/custom,", '42/custom,["auth",{}]'),
    "to that with a payload": (client) =>
      joins(client, '40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'),
    "to one that is not there fails": async (client) => {
      const wire = client.websocket();
      await wire.handshake();
      wire.send("40/random");
      expect(await wire.next(PING)).toBe('44/random,{"message":"Invalid namespace"}');
      wire.close();
    },
    "that is malformed ends the connection": async (client) => {
      const wire = client.websocket();
      await wire.handshake();
      wire.send("4abc");
      await wire.closed();
    },
    "that never comes ends the connection": async (client) => {
      const wire = client.websocket();
      await wire.handshake();
      // Alive as Engine.IO sees it.
      for (let i = 0; (i + 2) * PING_INTERVAL_MS < CONNECT_TIMEOUT_MS; i++) {
        expect(await wire.next()).toBe(PING);
        wire.send(PONG);
      }
      await wire.closed();
    },
  }));

describe("Socket.IO's disconnect", () =>
  cases("socket", {
    "from the main namespace leaves Engine.IO's session": async (client) => {
      const wire = await connected(client);
      wire.send("41");
      expect(await wire.next()).toBe(PING);
      wire.close();
    },
    "from another namespace leaves the main one": async (client) => {
      const wire = await connected(client);
      wire.send("40/custom");
      expect(String(await wire.next(PING))).toMatch(/^40\/custom,/);
      expect(await wire.next(PING)).toBe('42/custom,["auth",{}]');
      wire.send("41/custom");
      wire.send('42["message","message to main namespace"]');
      expect(await wire.next(PING)).toBe('42["message-back","message to main namespace"]');
      wire.close();
    },
  }));

const two = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
const attachments = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];
describe("Socket.IO's messages", () =>
  cases("socket", {
    "of text": (client) =>
      answers(client, ['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']),
    "with attachments": (client) =>
      answers(client, [`452-["message",${two}]`, ...attachments], [`452-["message-back",${two}]`, ...attachments]),
    "of text with an acknowledgement": (client) =>
      answers(client, ['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']),
    "with attachments and an acknowledgement": (client) =>
      answers(client, [`452-789["message-with-ack",${two}]`, ...attachments], [`462-789[${two}]`, ...attachments]),
    "of an unknown type end the connection": (client) => ends(client, "4abc"),
    "without a name end the connection": (client) => ends(client, "42{}"),
    "with an id that is none end the connection": (client) =>
      ends(client, '42abc["message-with-ack",1,"2",{"3":[false]}]'),
  }));
async function refused(client: ProtocolClient, query: string): Promise<void> {
  const wire = client.websocket(query);
  await wire.closed();
  await expect(wire.next()).rejects.toThrow("closed");
}

async function beatsByPolling(client: ProtocolClient): Promise<void> {
  const sid = await client.openSession();
  for (let i = 0; i < 3; i++) {
    expect(await client.poll(sid)).toEqual({ status: 200, body: PING });
    expect((await client.post(sid, PONG)).status).toBe(200);
  }
}

async function beatsByWebSocket(client: ProtocolClient): Promise<void> {
  const wire = client.websocket();
  await wire.handshake();
  for (let i = 0; i < 3; i++) {
    expect(await wire.next()).toBe(PING);
    wire.send(PONG);
  }
  wire.close();
}

async function endsWhenSilent(client: ProtocolClient): Promise<void> {
  const [sid, wire] = [await client.openSession(), client.websocket()];
  await wire.closed();
  // Opened before, and silent as long.
  expect((await client.poll(sid)).status).toBe(400);
}

/** Completes an upgrade, and gives back when it is complete. */
async function upgraded(which: "engine" | "socket", wire: Wire): Promise<void> {
  wire.send("5");
  if (which === "engine") return isHeard(which, wire);
  wire.send("40");
  expect(String(await wire.next(PING))).toMatch(/^40\{/);
  expect(await wire.next(PING)).toBe('42["auth",{}]');
}

async function isHeard(which: "engine" | "socket", wire: Wire): Promise<void> {
  wire.send(which === "engine" ? "4hello" : '42["message","hello"]');
  expect(await wire.next(PING)).toBe(which === "engine" ? "4hello" : '42["message-back","hello"]');
}

/** Of what a poll brings, all but pings, which come by themselves where the machine is slow. */
async function pollPastPings(client: ProtocolClient, sid: string): Promise<Answer> {
  for (;;) {
    const { status, body } = await client.poll(sid);
    const packets = body.split("\x1e").filter((packet) => packet !== PING);
    if (packets.length > 0) return { status, body: packets.join("\x1e") };
  }
}

async function echoesByPolling(client: ProtocolClient, payload: string): Promise<void> {
  const sid = await client.openSession();
  expect(await client.post(sid, payload)).toEqual({ status: 200, body: "ok" });
  expect(await pollPastPings(client, sid)).toEqual({ status: 200, body: payload });
}

async function echoesByWebSocket(client: ProtocolClient, message: string | Buffer): Promise<void> {
  const wire = client.websocket();
  await wire.handshake();
  wire.send(message);
  expect(await wire.next(PING)).toEqual(message);
  wire.close();
}

async function joins(client: ProtocolClient, packet: string, start: string, auth: string): Promise<void> {
  const wire = client.websocket();
  await wire.handshake();
  wire.send(packet);
  const answer = String(await wire.next(PING));
  expect(answer.slice(0, start.length)).toBe(start);
  expect(JSON.parse(answer.slice(start.length))).toEqual({ sid: expect.any(String) });
  expect(await wire.next(PING)).toBe(auth);
  wire.close();
}

async function connected(client: ProtocolClient): Promise<Wire> {
  const wire = client.websocket();
  await wire.handshake();
  wire.send("40");
  expect(String(await wire.next(PING))).toMatch(/^40\{/);
  expect(await wire.next(PING)).toBe('42["auth",{}]');
  return wire;
}

async function answers(
  client: ProtocolClient,
  packets: readonly (string | Buffer)[],
  expected: readonly (string | Buffer)[],
): Promise<void> {
  const wire = await connected(client);
  for (const packet of packets) wire.send(packet);
  for (const packet of expected) expect(await wire.next(PING)).toEqual(packet);
  wire.close();
}

async function ends(client: ProtocolClient, packet: string): Promise<void> {
  const wire = await connected(client);
  wire.send(packet);
  await wire.closed();
}
