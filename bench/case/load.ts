/**
 * CPU per message while workers emit at a fixed rate: the measurement behind the broadcast, room and delivery cases.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { LoadCommand } from "../client/command.js";
import { accountCpu } from "../measure/cpu.js";
import type { Bench, Sample } from "./case.js";

export type LoadPlan = Omit<LoadCommand, "type" | "count">;

/** Warms up, notes what the side takes when idle, then measures. Nothing is subtracted. */
export async function cpuPerMessage(bench: Bench, plan: LoadPlan): Promise<Sample> {
  const { side, client, pace } = bench;
  await client.ask(loadFor(pace.warmUpMs, plan));
  const idlePercent = await idleCpuPercent(bench);
  const spent = accountCpu(side);
  const command = loadFor(pace.measureMs, plan);
  const { lost, latency } = await client.ask(command);
  const { totalMs, primaryMs, redisMs, elapsedMs } = spent();
  return {
    figure: (totalMs * 1000) / command.count,
    notes: {
      primaryUs: (primaryMs * 1000) / command.count,
      ...(redisMs !== undefined && { redisUs: (redisMs * 1000) / command.count }),
      busyPercent: (totalMs * 100) / elapsedMs,
      idlePercent,
      lost,
      ...latency,
    },
  };
}

function loadFor(durationMs: number, plan: LoadPlan): LoadCommand {
  const emitters = plan.emitters.length;
  const each = Math.ceil((plan.ratePerSecond * durationMs) / 1000 / emitters);
  return { type: "load", ...plan, count: each * emitters };
}

async function idleCpuPercent({ side, pace }: Bench): Promise<number> {
  const spent = accountCpu(side);
  await delay(pace.idleMs);
  const { totalMs, elapsedMs } = spent();
  return (totalMs * 100) / elapsedMs;
}
