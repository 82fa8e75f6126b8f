import { expect, test } from "vitest";
import { spawnTracked } from "./support/cleanup.js";
import { connect } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { freePort } from "./support/free-port.js";

const DIST = process.env.TEST_DIST ?? "dist";

async function start(stdio: "closed" | "pipe") {
  const [port, manage] = [await freePort(), await freePort()];
  const args = `test/fixtures/echo.mjs --port ${port} --host 127.0.0.1 --manage 127.0.0.1:${manage} --workers 1 --log-level trace`;
  const close = stdio === "closed" ? ">&- 2>&-" : "";
  const child = spawnTracked("sh", ["-c", `exec node ${DIST}/primary.js ${args} ${close}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const readyz = async () => (await fetch(`http://127.0.0.1:${manage}/readyz`)).status;
  await eventually(readyz, (status) => status === 200, { withinMs: 20_000 });
  return { child, readyz, url: `http://127.0.0.1:${port}` };
}

test.each(["closed", "pipe"] as const)("with stdout and stderr %s, then gone", async (stdio) => {
  const { child, readyz, url } = await start(stdio);
  child.stdout?.destroy();
  child.stderr?.destroy();
  for (let i = 0; i < 10; i++) {
    child.kill("SIGUSR2");
    expect(await readyz()).toBe(200);
  }
  const client = await connect({ url });
  expect(await client.emitWithAck("echo", 1)).toBe(1);
  client.disconnect();
  const exit = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  child.kill("SIGTERM");
  expect(await exit).toBe(0);
});
