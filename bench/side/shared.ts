/** What several hosts of a side share: a Redis, and where a case asks for it, an nginx in front. */
import { freePort } from "./free-port.js";
import { startNginx } from "./nginx.js";
import { type Part, startPart } from "./part.js";

/** In memory alone. */
export async function startRedis(): Promise<Part> {
  const port = await freePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const part = await startPart({ what: "redis-server", command: ["redis-server", ...options], port });
  return { ...part, url: `redis://127.0.0.1:${port}` };
}

/** As the articles have it: a client's address says which server it gets, as long as there are the same servers. */
export function startFront(servers: readonly string[]): Promise<Part> {
  return startNginx({
    servers,
    upstream: "hash $remote_addr consistent;",
    listen: (port) => [`listen 127.0.0.1:${port};`],
  });
}
