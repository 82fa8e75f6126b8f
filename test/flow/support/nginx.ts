/**
 * A real nginx in front of what a test starts, with the configuration that the test gives, on a free port and in a
 * directory of its own.
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { spawnTracked, temporaryDirectory } from "./cleanup.js";
import type { Server } from "./client.js";
import { eventually } from "./eventually.js";
import { freePort } from "./free-port.js";

const START_MS = 10_000;

/** `httpBlock` is the content of `http { … }`; it listens on the port given. */
export async function startNginx(httpBlock: (port: number) => string): Promise<Server & { readonly port: number }> {
  const directory = temporaryDirectory();
  const port = await freePort();
  const file = join(directory, "nginx.conf");
  writeFileSync(file, configuration(directory, httpBlock(port)));
  const nginx = spawnTracked("nginx", ["-c", file, "-p", directory, "-e", join(directory, "error.log")]);
  const said = text(nginx.stderr as Readable);
  const ended = once(nginx, "exit").then(async () => Promise.reject(new Error(`nginx ended: ${await said}`)));
  const accepting = eventually(
    () => accepts(port),
    (open) => open,
    { withinMs: START_MS, what: "nginx accepting connections" },
  );
  await Promise.race([accepting, ended]);
  return { url: `http://127.0.0.1:${port}`, port };
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

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } finally {
    socket.destroy();
  }
}
