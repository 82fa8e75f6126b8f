/**
 * A real nginx in front of what a test starts, with the configuration that the test gives, on a free port and in a
 * directory of its own.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./cleanup.js";
import { type EdgeServer, startEdgeServer } from "./edge-server.js";
import { freePort } from "./free-port.js";

/** `httpBlock` is the content of `http { … }`; it listens on the port given. */
export async function startNginx(httpBlock: (port: number) => string): Promise<EdgeServer> {
  const directory = temporaryDirectory();
  const port = await freePort();
  const file = join(directory, "nginx.conf");
  writeFileSync(file, configuration(directory, httpBlock(port)));
  return startEdgeServer("nginx", ["-c", file, "-p", directory, "-e", join(directory, "error.log")], port);
}

/** One process, so that ending it leaves no worker behind; nothing is written outside the directory. */
function configuration(directory: string, http: string): string {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${directory};`);
  return `daemon off;
master_process off;
pid ${directory}/pid;
error_log ${directory}/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  ${scratch.join("\n  ")}
  ${http}
}
`;
}
