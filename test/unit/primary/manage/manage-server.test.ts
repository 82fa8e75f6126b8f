import { once } from "node:events";
import { request } from "node:http";
import { createServer, connect as dial, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { ManageListenError } from "../../../../src/primary/manage/manage-listen-error.js";
import { type ManageOptions, ManageServer } from "../../../../src/primary/manage/manage-server.js";
import { type StatusFacts, status } from "../../../../src/primary/manage/status.js";

const TOKEN = "correct-horse";
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

const FACTS: StatusFacts = {
  host: "host-a",
  version: "1.2.3",
  uptimeMs: 10,
  generation: 1,
  phase: "running",
  wantedWorkers: 1,
  redis: { state: "off", hosts: 1 },
  workers: [
    {
      slot: 0,
      pid: 7,
      generation: 1,
      state: "ready",
      connections: 0,
      sessions: 0,
      sockets: 0,
      restarts: 0,
      rssBytes: 1,
      elu: 0,
      lagMs: 0,
    },
  ],
  recovery: { mode: "off", entries: 0, bytes: 0, sessions: 0 },
  counters: {},
};

interface Warning {
  readonly event?: string;
}

async function serve(options: Partial<ManageOptions> = {}) {
  const warnings: Warning[] = [];
  const server = new ManageServer({
    host: "127.0.0.1",
    port: 0,
    explicit: true,
    status: () => status(FACTS),
    log: { warn: (fields) => warnings.push(fields) },
    ...options,
  });
  const bound = await server.listen();
  cleanups.push(() => server.close());
  const port = bound?.port ?? 0;
  return {
    server,
    bound,
    port,
    warnings,
    get: (path: string, head = {}, method = "GET") => ask(port, path, head, method),
  };
}

function ask(port: number, path: string, headers: Record<string, string>, method: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, async (response) => {
      let body = "";
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    asked.on("error", reject).end();
  });
}

function open(port: number): Socket {
  const socket = dial(port, "127.0.0.1").on("error", () => {});
  cleanups.push(() => socket.destroy());
  return socket;
}

async function readOut(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  if (!socket.closed) await once(socket, "close");
  return text;
}

test("/status answers the status object as JSON that no cache keeps", async () => {
  const { get } = await serve();
  const answer = await get("/status?pretty");
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    connection: "close",
  });
  expect(JSON.parse(answer.body)).toEqual(status(FACTS));
});

test("/readyz follows the state, /livez does not", async () => {
  let facts = FACTS;
  const { get } = await serve({ status: () => status(facts) });
  expect(await get("/readyz")).toMatchObject({ status: 200, body: "ready, 1 of 1 workers ready\n" });
  facts = { ...FACTS, phase: "stopping" };
  expect(await get("/readyz")).toMatchObject({ status: 503, body: "stopping, 1 of 1 workers ready\n" });
  expect(await get("/livez")).toMatchObject({ status: 200, body: "alive\n" });
});

test("HEAD answers what GET does, without the body", async () => {
  const { get } = await serve();
  const answer = await get("/livez", {}, "HEAD");
  expect(answer).toMatchObject({ status: 200, body: "" });
  expect(answer.headers["content-length"]).toBe("6");
});

test("other paths are 404, other methods 405 with Allow", async () => {
  const { get } = await serve();
  for (const path of ["/", "/Status", "/status/", "//status", "/metrics", "/livez%20"]) {
    expect((await get(path)).status, path).toBe(404);
  }
  for (const [method, path] of [
    ["POST", "/status"],
    ["DELETE", "/livez"],
    ["OPTIONS", "/readyz"],
  ] as const) {
    const answer = await get(path, {}, method);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
  }
});

test("a token guards everything but /livez and /readyz", async () => {
  const { get } = await serve({ token: TOKEN });
  expect((await get("/livez")).status).toBe(200);
  expect((await get("/readyz")).status).toBe(200);
  const refused = await get("/status");
  expect(refused.status).toBe(401);
  expect(refused.headers["www-authenticate"]).toBe('Bearer realm="holdfast"');
  expect((await get("/nothing")).status).toBe(401);
  expect((await get("/status", { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
});

test("a foreign Host is refused on loopback, except for the probes", async () => {
  const { get } = await serve();
  expect((await get("/status", { host: "evil.example" })).status).toBe(403);
  expect((await get("/readyz", { host: "10.1.2.3:9464" })).status).toBe(200);
});

test("off loopback without a token only the probes answer", async () => {
  const { get } = await serve({ host: "0.0.0.0" });
  expect((await get("/livez")).status).toBe(200);
  const refused = await get("/status");
  expect(refused.status).toBe(403);
  expect(refused.body).toContain("--manage-token");
});

async function takenPort(): Promise<number> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  cleanups.push(() => holder.close());
  return (holder.address() as { port: number }).port;
}

test("an explicit address that is taken rejects with exit code 5", async () => {
  const port = await takenPort();
  const failure = await serve({ port }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ManageListenError);
  expect(failure).toMatchObject({ exitCode: 5, code: "HOLDFAST_MANAGE_LISTEN" });
  expect((failure as Error).message).toContain(`127.0.0.1:${port}`);
});

test("the default address, taken, is warned of and done without", async () => {
  const { bound, warnings } = await serve({ port: await takenPort(), explicit: false });
  expect(bound).toBeUndefined();
  expect(warnings).toMatchObject([{ event: "manage-off" }]);
});

test("a status that throws costs its client the connection and is logged once", async () => {
  const { get, warnings } = await serve({
    status: () => {
      throw new Error("broken");
    },
  });
  for (let i = 0; i < 3; i++) await expect(get("/status")).rejects.toThrow();
  expect((await get("/livez")).status).toBe(200);
  expect(warnings).toMatchObject([{ event: "manage-error" }]);
});

test("random bytes, a huge line and pipelined requests end their own connection only", async () => {
  const { port, get } = await serve();
  const noise = Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 7_919) % 256));
  for (const bytes of [noise, Buffer.alloc(1_000_000, "a"), Buffer.from("GET /livez HTTP/1.1\r\n\r\n")]) {
    const socket = open(port);
    socket.write(bytes);
    expect(await readOut(socket)).not.toContain("200 OK");
  }
  const pipelined = open(port);
  pipelined.write("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100));
  expect((await readOut(pipelined)).match(/200 OK/g)).toHaveLength(1);
  expect((await get("/livez")).status).toBe(200);
});

test("a half-closed client gets its answer", async () => {
  const { port } = await serve();
  const socket = open(port);
  socket.end("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  expect(await readOut(socket)).toContain("alive");
});

test("a thousand silent clients hold no more than the bound, and close() does not wait for them", async () => {
  const { port, server } = await serve();
  let closedCount = 0;
  const closed: Promise<unknown>[] = [];
  const pastTheBound = new Promise<void>((resolve) => {
    const count = () => ++closedCount === 1_000 - 128 && resolve();
    for (let i = 0; i < 1_000; i++) {
      const socket = open(port);
      closed.push(new Promise((end) => socket.once("close", end)));
      socket.once("close", count);
    }
  });
  await pastTheBound;
  await server.close();
  await Promise.all(closed);
});
