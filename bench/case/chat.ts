/**
 * The chat of the articles, as they deploy it and as Holdfast runs it: two servers of one worker each, behind the same
 * nginx, joined by the same Redis, with the same clients. What a delivery costs all of them but Redis.
 */
import type { Bench, Case, Sample } from "./case.js";
import { cpuPerMessage } from "./load.js";

const CLIENTS = 100;
const MESSAGES_PER_SECOND = 100;

export const chat: Case = {
  name: "chat",
  title: "CPU per delivery of the chat, 100 clients × 100 messages/s, 2 servers of one worker behind nginx",
  unit: "µs",
  workers: 1,
  launch: { hosts: 2, front: true, chat: true },
  sides: ["holdfast", "flask"],
  goal: { against: "flask", atMost: 1 },
  measure,
};

async function measure(bench: Bench): Promise<Sample> {
  const { side, client } = bench;
  await client.ask({ type: "connect", url: side.url, clients: CLIENTS, concurrency: 2, chat: true });
  const { figure, notes } = await cpuPerMessage(bench, {
    emitters: Array.from({ length: CLIENTS }, (_, i) => i),
    ratePerSecond: MESSAGES_PER_SECOND,
    burst: 1,
    receivers: CLIENTS,
    chat: true,
  });
  return { figure: figure / CLIENTS, notes };
}
