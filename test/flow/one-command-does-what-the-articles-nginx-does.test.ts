// docs/coming-from-flask.md: the nginx file of the articles in front of five servers of one process each, and the one
// command beside it, as they stand there but for ports, files and the size of a body. Both are asked the same.
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { beforeAll, describe, expect, test } from "vitest";
import { createCertificate } from "./support/certificate.js";
import { onCleanup, temporaryDirectory } from "./support/cleanup.js";
import { connect, open, received, type Socket, type Transport, upgraded } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";
import { startNginx } from "./support/nginx.js";
import { startPlainMember } from "./support/plain-member.js";
import { head, openRaw } from "./support/raw.js";
import { startRedis } from "./support/redis.js";
import type { SecureServer } from "./support/tls.js";

const DOCS = readFileSync(new URL("../../docs/coming-from-flask.md", import.meta.url), "utf8");
const [, NGINX = ""] = /```nginx\n(.*?)```/s.exec(DOCS) ?? [];
const [, COMMAND = ""] = /\n {4}holdfast app\.js (.*)\n/.exec(DOCS) ?? [];

const app = "behind-nginx.mjs";
const LIMIT_BYTES = 2 * 1024 * 1024;
const ADA = "Basic YWRhOnBhc3N3b3Jk";
const WRONG = "Basic YWRhOm5v";

/** What stands in the docs, and what is there in its place. */
const replaced = new Map<string, string>();

/** Each must stand there. */
function adapted(text: string, names: readonly string[]): string {
  return names.reduce((result, name) => {
    if (!result.includes(name)) throw new Error(`the docs do not have ${name}`);
    return result.replace(name, replaced.get(name) as string);
  }, text);
}

const FILES = ["/etc/ssl/chat.pem", "/etc/ssl/chat.key", "/etc/nginx/users"];
let ca: string;
beforeAll(() => {
  const directory = temporaryDirectory();
  const certificate = createCertificate(directory);
  ca = certificate.pem;
  const users = join(directory, "users");
  writeFileSync(users, `ada:${hashSync("password", 4)}\n`);
  [certificate.certFile, certificate.keyFile, users].forEach((file, i) => {
    replaced.set(FILES[i] as string, file);
  });
});

const STARTS: Record<string, () => Promise<SecureServer>> = {
  "nginx and five servers": async () => {
    const redis = await startRedis();
    const member = () => startPlainMember({ app, mode: "classic", redis: [redis.url] });
    const members = await Promise.all(Array.from({ length: 5 }, member));
    const ports = members.map(({ url }, i) => [`127.0.0.1:${5000 + i}`, new URL(url).host] as const);
    for (const [written, actual] of ports) replaced.set(written, actual);
    replaced.set("size 200m", `size ${LIMIT_BYTES}`);
    const { port } = await startNginx((free) => {
      replaced.set("listen 443", `listen 127.0.0.1:${free}`);
      return adapted(NGINX, [...FILES, ...ports.map(([written]) => written), "size 200m", "listen 443"]);
    });
    return { url: `https://127.0.0.1:${port}`, ca };
  },
  "one command": async () => {
    replaced.set("--port 443", "--port 0").set("--max-body 200mb", `--max-body ${LIMIT_BYTES}`);
    const args = adapted(COMMAND, [...FILES, "--port 443", "--max-body 200mb"]).split(" ");
    const { url } = await startHoldfast({ app, workers: 5, args });
    return { url, ca };
  },
};

describe.each(Object.entries(STARTS))("%s", (_, start) => {
  let server: SecureServer;
  beforeAll(async () => {
    server = await start();
  });

  test("speak TLS, and tell who does not", async () => {
    const plain = await openRaw(server);
    plain.write(head("GET /whoami HTTP/1.1"));
    expect((await plain.response()).status).toBe(400);
    expect((await ask(server, { authorization: ADA })).status).toBe(200);
  });

  test("ask for a password, of requests and of handshakes by each transport", async () => {
    for (const headers of [{}, { authorization: WRONG }]) {
      const { status, challenge } = await ask(server, headers);
      expect([status, challenge?.split(" ")[0]]).toEqual([401, "Basic"]);
      for (const transport of ["polling", "websocket"] as const) {
        const client = open(server, { transport, options: optionsFrom(server, "127.0.0.1", headers) });
        const [error] = await new Promise<Error[]>((resolve) =>
          client.once("connect_error", (each) => resolve([each])),
        );
        expect(error).toBeInstanceOf(Error);
      }
    }
  });

  test("take a body of the size that is allowed, and no larger one", async () => {
    const answer = await ask(server, { authorization: ADA }, Buffer.alloc(LIMIT_BYTES));
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { bytes: LIMIT_BYTES }]);
    expect((await ask(server, { authorization: ADA }, Buffer.alloc(LIMIT_BYTES + 1))).status).toBe(413);
  });

  test("join clients of all transports and from all addresses, and tell the app these", async () => {
    const clients: Socket[] = [];
    for (const transport of ["polling", "websocket", "both"] as const) {
      for (let i = 1; i <= 5; i++) clients.push(await clientFrom(server, transport, `127.0.${i}.1`));
    }
    const heard = clients.map((client) => received(client, "said", 15_000));
    clients[0]?.emit("say", "hello");
    expect(await Promise.all(heard)).toEqual(clients.map(() => ["hello"]));
    const addresses = await Promise.all(clients.map((client) => client.timeout(15_000).emitWithAck("address")));
    expect(addresses).toEqual(clients.map((_, i) => `127.0.${(i % 5) + 1}.1`));
    expect(JSON.parse((await ask(server, { authorization: ADA }, undefined, "127.0.9.1")).body)).toEqual({
      address: "127.0.9.1",
    });
  });
});

async function clientFrom(server: SecureServer, transport: Transport, address: string): Promise<Socket> {
  const client = await connect(server, {
    transport,
    options: optionsFrom(server, address, { authorization: ADA }),
  });
  if (transport === "both") await upgraded(client);
  return client;
}

function optionsFrom(server: SecureServer, localAddress: string, extraHeaders: Record<string, string>) {
  return { agent: agentFrom(server, localAddress) as never, extraHeaders };
}

function agentFrom(server: SecureServer, localAddress: string): Agent {
  const agent = new Agent({ localAddress, ca: server.ca });
  onCleanup(() => agent.destroy());
  return agent;
}

interface Answer {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly body: string;
}

async function ask(
  server: SecureServer,
  headers: Record<string, string>,
  body?: Buffer,
  localAddress = "127.0.0.1",
): Promise<Answer> {
  const agent = agentFrom(server, localAddress);
  const [path, method] = body ? ["/upload", "POST"] : ["/whoami", "GET"];
  const outgoing = request(`${server.url}${path}`, { agent, headers, method });
  const answered = once(outgoing, "response");
  // A body that is refused may not be read to its end.
  outgoing.on("error", () => {});
  outgoing.end(body);
  const [response] = await answered;
  const chunks = await response.setEncoding("utf8").toArray();
  return { status: response.statusCode, challenge: response.headers["www-authenticate"], body: chunks.join("") };
}
