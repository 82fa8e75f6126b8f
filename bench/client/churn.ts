/**
 * Opens and closes WebSocket clients at a fixed rate, whatever the answers. Runs in the load client.
 */
import type { ChurnCommand, Churned } from "./command.js";
import { LatencyRecord, monotonicUs } from "./latency-record.js";
import { ConnectFailed, connectRaw } from "./raw-client.js";

const CONNECT_WITHIN_MS = 2_000;
const TICK_MS = 2;

export async function churn(command: ChurnCommand): Promise<Churned> {
  const latency = new LatencyRecord();
  const outcomes = await Promise.all(await attempts(command, latency));
  const opened = outcomes.filter(Boolean).length;
  return { opened, failed: outcomes.length - opened, latency: latency.summary };
}

/** Resolves when the last attempt has begun, with what each comes to: whether it opened. */
function attempts(command: ChurnCommand, latency: LatencyRecord): Promise<Promise<boolean>[]> {
  return new Promise((resolve) => {
    const begun: Promise<boolean>[] = [];
    const started = performance.now();
    const timer = setInterval(() => {
      const due = Math.min(command.count, Math.floor(((performance.now() - started) * command.ratePerSecond) / 1000));
      while (begun.length < due) begun.push(openAndClose(command.url, latency));
      if (begun.length < command.count) return;
      clearInterval(timer);
      resolve(begun);
    }, TICK_MS);
  });
}

async function openAndClose(url: string, latency: LatencyRecord): Promise<boolean> {
  const startedUs = monotonicUs();
  try {
    const client = await connectRaw(url, CONNECT_WITHIN_MS);
    latency.since(startedUs);
    await client.close();
    return true;
  } catch (error) {
    if (error instanceof ConnectFailed) return false;
    throw error;
  }
}
