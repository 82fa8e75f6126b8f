/** A real HAProxy in front of what a test starts, with the configuration that the test gives, on a free port. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./cleanup.js";
import { type EdgeServer, startEdgeServer } from "./edge-server.js";
import { freePort } from "./free-port.js";

/** `-db`: one process, in the foreground. */
export async function startHaproxy(configuration: (port: number) => string): Promise<EdgeServer> {
  const port = await freePort();
  const file = join(temporaryDirectory(), "haproxy.cfg");
  writeFileSync(file, `global\n  maxconn 1000\n${configuration(port)}\n`);
  return startEdgeServer("haproxy", ["-db", "-f", file], port);
}
