import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Status } from "../../src/primary/manage/status.js";
import { connect, disconnected } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { freePort } from "./support/free-port.js";
import { type Pm2, type Pm2Process, startPm2 } from "./support/pm2.js";
import { childrenOf, gone, isAlive } from "./support/process.js";

const ENVIRONMENT = {
  HOLDFAST_PORT: "0",
  HOLDFAST_HOST: "127.0.0.1",
  HOLDFAST_WORKERS: "2",
  HOLDFAST_LOG_FORMAT: "json",
};

interface Line {
  readonly event?: string;
  readonly url?: string;
  readonly pid?: number;
}

async function startOnPm2(...what: string[]) {
  const manage = `127.0.0.1:${await freePort()}`;
  const pm2 = await startPm2({ ...ENVIRONMENT, HOLDFAST_MANAGE: manage });
  const started = await pm2.run("start", ...what);
  expect(started.code, started.stdout + started.stderr).toBe(0);
  const status = async () => (await (await fetch(`http://${manage}/status`)).json()) as Status;
  return { pm2, status, app: await only(pm2) };
}

async function only(pm2: Pm2): Promise<Pm2Process> {
  const [app, ...others] = await pm2.list();
  expect(others).toEqual([]);
  return app as Pm2Process;
}

function logOf(app: Pm2Process): string {
  return readFileSync(app.pm2_env.pm_out_log_path, "utf8") + readFileSync(app.pm2_env.pm_err_log_path, "utf8");
}

function linesOf(app: Pm2Process): Line[] {
  return logOf(app)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

function readyOf(app: Pm2Process): Promise<Line> {
  return eventually(
    () => linesOf(app).find(({ event, pid }) => event === "ready" && pid === app.pid) as Line,
    (line) => line !== undefined,
    { withinMs: 20_000, what: "the ready line" },
  );
}

test("pm2 start of ecosystem.config.js returns when the workers are ready; stop drains and leaves nothing", async () => {
  const { pm2, app, status } = await startOnPm2("ecosystem.config.js");
  expect(app.pm2_env.status).toBe("online");
  // It is in the log already: pm2 has waited for it.
  const { url = "" } = linesOf(app).find(({ event }) => event === "ready") ?? {};
  expect((await status()).workers.map(({ state }) => state)).toEqual(["ready", "ready"]);
  const client = await connect({ url });
  const reason = disconnected(client);
  const workers = childrenOf(app.pid);

  expect((await pm2.run("stop", "holdfast")).code).toBe(0);
  expect(await reason).toBe("transport close");
  await gone([app.pid, ...workers]);
  expect(await only(pm2)).toMatchObject({ pm2_env: { status: "stopped", exit_code: 0, restart_time: 0 } });
});

test("pm2 restart stops the old one gracefully and starts another", async () => {
  const { pm2, app, status } = await startOnPm2("ecosystem.config.js");
  const workers = childrenOf(app.pid);
  expect((await pm2.run("restart", "holdfast")).code).toBe(0);
  const restarted = await only(pm2);
  expect(restarted.pid).not.toBe(app.pid);
  expect([app.pid, ...workers].filter(isAlive)).toEqual([]);
  await readyOf(restarted);
  expect((await status()).state).toBe("ready");
});

test("pm2 sendSignal SIGHUP reloads the workers under the same primary", async () => {
  const { pm2, app, status } = await startOnPm2("ecosystem.config.js");
  const before = (await status()).workers.map(({ pid }) => pid);
  expect((await pm2.run("sendSignal", "SIGHUP", "holdfast")).code).toBe(0);
  const isReloaded = ({ generation, workers }: Status) => generation === 2 && workers.length === before.length;
  const after = await eventually(status, isReloaded, { withinMs: 20_000 });
  for (const { pid } of after.workers) expect(before).not.toContain(pid);
  expect(await only(pm2)).toMatchObject({ pid: app.pid, pm2_env: { restart_time: 0 } });
});

test("dist/primary.js starts bare under pm2, and stops with its workers", async () => {
  const { pm2, app, status } = await startOnPm2("dist/primary.js", "--", "--balance", "round-robin");
  await readyOf(app);
  expect((await status()).workers).toHaveLength(2);
  const workers = childrenOf(app.pid);
  expect((await pm2.run("stop", "primary")).code).toBe(0);
  await gone([app.pid, ...workers]);
});

test("in pm2's cluster mode Holdfast refuses with one line that says what to do", async () => {
  const pm2 = await startPm2(ENVIRONMENT);
  await pm2.run("start", "dist/primary.js", "-i", "2", "--no-autorestart");
  const ended = await eventually(
    () => pm2.list(),
    (apps) => apps.length === 2 && apps.every(({ pm2_env }) => pm2_env.status !== "online"),
    { withinMs: 20_000 },
  );
  for (const app of ended) {
    const lines = logOf(app).trim().split("\n");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/cannot be a cluster worker/);
    expect(lines[0]).toMatch(/--workers/);
  }
});

test("a wrong setting ends it for good: pm2 does not try again", async () => {
  const pm2 = await startPm2({ ...ENVIRONMENT, HOLDFAST_WORKERS: "many" });
  await pm2.run("start", "ecosystem.config.js");
  const app = await eventually(
    () => only(pm2),
    ({ pm2_env }) => pm2_env.status === "stopped",
    { withinMs: 20_000 },
  );
  expect(app).toMatchObject({ pm2_env: { exit_code: 78, restart_time: 0 } });
  expect(logOf(app)).toContain("HOLDFAST_WORKERS");
});
