// deploy/: what can be checked without a container engine. nginx reads its file and serves with it; the compose file and
// the Dockerfile name what is there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { expect, test } from "vitest";
import { clientOn, collect, connect } from "./support/client.js";
import { ROOT } from "./support/command.js";
import { startHosts } from "./support/hosts.js";
import { startNginx } from "./support/nginx.js";
import { startRedis } from "./support/redis.js";
import { fence, io, run } from "./support/remote.js";

const read = (name: string) => readFileSync(join(ROOT, "deploy", name), "utf8");

test("nginx with deploy/nginx.conf joins clients of several hosts, by polling, upgrade and WebSocket", async () => {
  const redis = await startRedis();
  const hosts = await startHosts({ redis: redis.url });
  const addresses = hosts.map(({ url }) => new URL(url).host);
  const front = await startNginx((port) => {
    const file = read("nginx.conf");
    const http = file.slice(file.indexOf("http {") + "http {".length, file.lastIndexOf("}"));
    // The one name and the one port that are a container's.
    return http
      .replace("server app:3000;", addresses.map((address) => `server ${address};`).join(" "))
      .replace("listen 80;", `listen 127.0.0.1:${port};`);
  });
  const clients = [
    await connect(front, { transport: "polling" }),
    await connect(front, { transport: "both" }),
    await connect(front, { transport: "websocket" }),
    await clientOn(hosts[0], 0),
    await clientOn(hosts[1], 0),
  ] as const;
  const events = clients.map((client) => collect(client, "news"));
  for (const client of clients) await run(client, io.emit("news"));
  for (const event of events) await event.untilCount(clients.length);
  await fence(clients[0], clients);
  expect(events.map(({ items }) => items.length)).toEqual(clients.map(() => clients.length));
});

test("docker-compose.yml names files and images, and scales no port away", () => {
  const { services } = load(read("docker-compose.yml")) as { services: Record<string, Service> };
  expect(Object.keys(services).sort()).toEqual(["app", "nginx", "redis"]);
  const { app, nginx, redis } = services as Record<"app" | "nginx" | "redis", Service>;
  expect(existsSync(join(ROOT, "deploy", app.build?.context ?? "", app.build?.dockerfile ?? ""))).toBe(true);
  // A service that is scaled cannot publish a port or have a name of its own.
  expect([app.ports, app.container_name]).toEqual([undefined, undefined]);
  expect(app.environment?.HOLDFAST_REDIS).toBe("redis://redis:6379");
  expect(nginx.volumes).toEqual(["./nginx.conf:/etc/nginx/nginx.conf:ro"]);
  for (const needed of Object.keys({ ...app.depends_on, ...nginx.depends_on })) expect(services).toHaveProperty(needed);
  expect(redis.command?.[0]).toBe("redis-server");
});

test("redis-server takes the options of docker-compose.yml", async () => {
  const { services } = load(read("docker-compose.yml")) as { services: { redis: Service } };
  const redis = await startRedis({ args: services.redis.command?.slice(1) ?? [] });
  expect(await redis.cli("config", "get", "client-output-buffer-limit")).toContain("pubsub 134217728 67108864 60");
});

test("the Dockerfile copies what is there and not ignored, and starts what the build makes", () => {
  const lines = read("Dockerfile").replaceAll("\\\n", " ").split("\n");
  const copied = lines.filter((line) => /^COPY (?!--from)/.test(line)).flatMap((line) => line.split(" ").slice(1, -1));
  const ignored = readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n");
  for (const name of copied) {
    expect(existsSync(join(ROOT, name)), name).toBe(true);
    expect(ignored).toContain(`!${name.replace(/^\.\//, "")}`);
  }
  const command = lines.find((line) => line.startsWith("CMD ["))?.slice("CMD ".length) ?? "[]";
  expect(existsSync(join(ROOT, (JSON.parse(command) as string[])[1] as string))).toBe(true);
});

interface Service {
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: string[];
  readonly container_name?: string;
  readonly depends_on?: Record<string, unknown>;
  readonly environment?: Record<string, string>;
  readonly ports?: string[];
  readonly volumes?: string[];
}
