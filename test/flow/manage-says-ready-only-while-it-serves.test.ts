import { expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { freePort } from "./support/free-port.js";
import { spawnHoldfast, startHoldfast } from "./support/holdfast.js";

async function ask(url: string) {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  return { status: response.status, text: await response.text() };
}

test("/readyz is 503 until all workers are ready, 200 from the ready line on; /livez is 200 all along", async () => {
  const manage = `127.0.0.1:${await freePort()}`;
  const host = await spawnHoldfast({
    app: "slow-boot.mjs",
    args: ["--manage", manage],
    env: { SLOW_BOOT_MS: "1500" },
  });
  const early = await eventually(
    () => ask(`http://${manage}/readyz`),
    () => true,
    { withinMs: 10_000 },
  );
  expect(early).toEqual({ status: 503, text: expect.stringMatching(/^starting, 0 of 2 workers ready/) });
  expect(await ask(`http://${manage}/livez`)).toMatchObject({ status: 200 });
  await host.ready;
  expect(await ask(`http://${manage}/readyz`)).toEqual({ status: 200, text: "ready, 2 of 2 workers ready\n" });
});

test("/readyz is 503 while Holdfast stops, as long as requests under way keep it", async () => {
  const host = await startHoldfast({ app: "handler-app.mjs" });
  const slow = fetch(`${host.url}/slow?ms=2000`).then((response) => response.text());
  await host.waitForStatus(({ workers }) => workers.some(({ connections }) => connections > 0));
  host.signal("SIGTERM");
  const stopping = await eventually(
    () => ask(`${host.manageUrl}/readyz`),
    ({ status }) => status === 503,
  );
  expect(stopping.text).toMatch(/^stopping, /);
  expect((await ask(`${host.manageUrl}/livez`)).status).toBe(200);
  expect(await slow).toBe("slow");
  expect(await host.exitedWithin(10_000)).toEqual({ code: 0, signal: null });
});

test("/readyz stays 200 with one worker of two, and is 503 with none", async () => {
  const host = await startHoldfast({ app: "echo.mjs", workers: 2 });
  const readyz = () => ask(`${host.manageUrl}/readyz`);
  const pids = (await host.workers()).map(({ pid }) => pid);
  process.kill(pids[0] as number, "SIGSTOP");
  await eventually(readyz, ({ text }) => text === "degraded, 1 of 2 workers ready\n");
  expect((await readyz()).status).toBe(200);
  process.kill(pids[1] as number, "SIGSTOP");
  await eventually(readyz, ({ status, text }) => status === 503 && text === "degraded, 0 of 2 workers ready\n");
  for (const pid of pids) process.kill(pid, "SIGCONT");
  await eventually(readyz, ({ status, text }) => status === 200 && text.startsWith("ready"));
});
