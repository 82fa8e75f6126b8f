/**
 * Memory per idle connection: what 2,000 WebSocket clients over 4 workers add to the PSS of all processes, garbage
 * collected before and after. Some clients come and go first, so that the code they run is there already.
 */
import { settledPssKb } from "../measure/memory.js";
import type { Bench, Case, Sample } from "./case.js";

const WORKERS = 4;
const WARM_UP_CLIENTS = 40;
const CONCURRENCY = 16;

export const memory: Case = {
  name: "memory",
  title: "Memory per idle WebSocket connection (PSS), 4 workers",
  unit: "kB",
  workers: WORKERS,
  sides: ["holdfast", "recipe"],
  goal: { against: "recipe", atMost: 1 },
  launch: { collectable: true },
  measure,
};

async function measure({ side, client, pace }: Bench): Promise<Sample> {
  const open = (clients: number) => client.ask({ type: "connect", url: side.url, clients, concurrency: CONCURRENCY });
  await open(WARM_UP_CLIENTS);
  await client.ask({ type: "disconnect" });
  const emptyKb = await settledPssKb(side);
  const { failed } = await open(pace.idleClients);
  const fullKb = await settledPssKb(side);
  return { figure: (fullKb - emptyKb) / pace.idleClients, notes: { emptyMb: emptyKb / 1024, failed } };
}
