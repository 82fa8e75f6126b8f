/** One redis-server on a free port of the loopback, in memory alone. */
import { spawnTracked, temporaryDirectory } from "./cleanup.js";
import { eventually } from "./eventually.js";
import { freePort } from "./free-port.js";
import { connect } from "node:net";
import { once } from "node:events";

export async function startOneRedis(): Promise<{ readonly url: string; readonly port: number }> {
  const port = await freePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  spawnTracked("redis-server", [...options, "--dir", temporaryDirectory()], { stdio: "ignore" });
  await eventually(async () => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
    return true;
  }, Boolean);
  return { url: `redis://127.0.0.1:${port}`, port };
}
