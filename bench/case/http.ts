/**
 * HTTP requests a second on kept-alive connections, by autocannon, against Node's own cluster without anything else.
 * Server and client share the cores, which brings the sides closer together; `cpuUs` is a request's cost without that.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { accountCpu } from "../measure/cpu.js";
import type { Bench, Case, Sample } from "./case.js";

const CONNECTIONS = 40;
const WORKERS = 2;

export const http: Case = {
  name: "http",
  title: "HTTP requests/s on kept-alive connections, 2 workers",
  unit: "/s",
  workers: WORKERS,
  sides: ["holdfast", "plain", "recipe"],
  goal: { against: "plain", atLeast: 0.85 },
  measure,
};

interface CannonReport {
  readonly requests: { readonly total: number };
  readonly duration: number;
  readonly errors: number;
  readonly non2xx: number;
  readonly latency: { readonly p50: number; readonly p99: number };
}

async function measure({ side, pace }: Bench): Promise<Sample> {
  await fire(side.url, pace.warmUpMs);
  const spent = accountCpu(side);
  const report = await fire(side.url, pace.measureMs);
  const { totalMs, primaryMs } = spent();
  const requests = report.requests.total;
  return {
    figure: requests / report.duration,
    notes: {
      cpuUs: (totalMs * 1000) / requests,
      primaryUs: (primaryMs * 1000) / requests,
      failed: report.errors + report.non2xx,
      p50Ms: report.latency.p50,
      p99Ms: report.latency.p99,
    },
  };
}

/** As fast as it goes, or at a fixed rate. */
export async function fire(url: string, durationMs: number, ratePerSecond?: number): Promise<CannonReport> {
  const seconds = Math.max(1, Math.round(durationMs / 1000));
  const rate = ratePerSecond === undefined ? [] : ["--overallRate", ratePerSecond];
  const options = ["--json", "--connections", CONNECTIONS, "--duration", seconds, "--timeout", 1, ...rate, url].map(
    String,
  );
  const cannon = spawn(process.execPath, [fileURLToPath(import.meta.resolve("autocannon")), ...options], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [output] = await Promise.all([text(cannon.stdout), once(cannon, "exit")]);
  return JSON.parse(output);
}
