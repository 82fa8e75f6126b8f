/** An nginx in front of hosts, that logs nothing and passes on everything, WebSockets too. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.js";
import { type Part, startPart } from "./part.js";

export interface NginxOptions {
  readonly servers: readonly string[];
  /** Of the upstream: how a server is chosen, and what is kept. */
  readonly upstream: string;
  /** Of the server, which listens on `port`. */
  readonly listen: (port: number) => readonly string[];
}

export async function startNginx({ servers, upstream, listen }: NginxOptions): Promise<Part> {
  const directory = mkdtempSync(join(tmpdir(), "hf-bench-"));
  const port = await freePort();
  const file = join(directory, "nginx.conf");
  const targets = servers.map((url) => `server ${new URL(url).host};`);
  writeFileSync(file, configuration(directory, [upstream, ...targets], listen(port)));
  const command = ["nginx", "-c", file, "-p", directory, "-e", join(directory, "error.log")];
  const part = await startPart({ what: "nginx", command, port });
  const stop = async () => {
    await part.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { ...part, stop };
}

function configuration(directory: string, upstream: readonly string[], server: readonly string[]): string {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${directory};`);
  return `daemon off;
master_process off;
pid ${directory}/pid;
events { worker_connections 8192; }
http {
  access_log off;
  ${scratch.join("\n  ")}
  upstream app {
    ${upstream.join("\n    ")}
  }
  map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  server {
    ${server.join("\n    ")}
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
