/** What several hosts of a side share: a Redis, and where a case asks for it, an nginx in front. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Part, startPart } from "./part.js";

/** In memory alone. */
export async function startRedis(): Promise<Part> {
  const port = await freePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const part = await startPart({ what: "redis-server", command: ["redis-server", ...options], port });
  return { ...part, url: `redis://127.0.0.1:${port}` };
}

/** As the articles have it: a client's address says which server it gets, as long as there are the same servers. */
export async function startFront(servers: readonly string[]): Promise<Part> {
  const directory = mkdtempSync(join(tmpdir(), "hf-bench-"));
  const port = await freePort();
  const file = join(directory, "nginx.conf");
  writeFileSync(file, frontConfiguration(directory, port, servers));
  const command = ["nginx", "-c", file, "-p", directory, "-e", join(directory, "error.log")];
  const part = await startPart({ what: "nginx", command, port });
  const stop = async () => {
    await part.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { ...part, stop };
}

function frontConfiguration(directory: string, port: number, servers: readonly string[]): string {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${directory};`);
  return `daemon off;
master_process off;
pid ${directory}/pid;
events { worker_connections 4096; }
http {
  access_log off;
  ${scratch.join("\n  ")}
  upstream app {
    hash $remote_addr consistent;
    ${servers.map((url) => `server ${new URL(url).host};`).join("\n    ")}
  }
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_read_timeout 120s;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
