/**
 * TLS in the workers against an nginx that speaks it in front of the same workers: what a request on a kept-alive
 * connection, a message to a WebSocket and a new connection cost all processes, nginx among them.
 */
import { accountCpu } from "../measure/cpu.js";
import type { Bench, Case, Sample } from "./case.js";
import { fire } from "./http.js";
import { cpuPerMessage } from "./load.js";

const WORKERS = 2;
const REQUESTS_PER_SECOND = 4_000;
const CLIENTS = 40;
const MESSAGES_PER_SECOND = 4_000;
const CONNECTIONS_PER_SECOND = 200;

const common = {
  unit: "µs",
  workers: WORKERS,
  launch: { tls: true },
  sides: ["holdfast", "nginx"],
  goal: { against: "nginx", atMost: 0.6 },
} satisfies Partial<Case>;

export const tlsRequest: Case = {
  ...common,
  name: "tls-request",
  title: "CPU per HTTPS request on kept-alive connections, 2 workers",
  measure: measureRequest,
};

export const tlsMessage: Case = {
  ...common,
  name: "tls-message",
  title: "CPU per message to a WebSocket by TLS, each alone, 2 workers",
  measure: measureMessage,
};

export const tlsConnection: Case = {
  ...common,
  name: "tls-connection",
  title: "CPU per WebSocket client by TLS connected and closed, 2 workers",
  // As it is: the handshake is the same work wherever it is done.
  goal: { against: "nginx", atLeast: 0 },
  measure: measureConnection,
};

async function measureRequest({ side, pace }: Bench): Promise<Sample> {
  await fire(side.url, pace.warmUpMs, REQUESTS_PER_SECOND);
  const spent = accountCpu(side);
  const report = await fire(side.url, pace.measureMs, REQUESTS_PER_SECOND);
  const { totalMs, primaryMs } = spent();
  const requests = report.requests.total;
  return {
    figure: (totalMs * 1000) / requests,
    notes: {
      primaryUs: (primaryMs * 1000) / requests,
      requests,
      failed: report.errors + report.non2xx,
      p50Ms: report.latency.p50,
      p99Ms: report.latency.p99,
    },
  };
}

async function measureMessage(bench: Bench): Promise<Sample> {
  const { side, client } = bench;
  await client.ask({ type: "connect", url: side.url, clients: CLIENTS, concurrency: 2 });
  return cpuPerMessage(bench, {
    emitters: Array.from({ length: CLIENTS }, (_, i) => i),
    ratePerSecond: MESSAGES_PER_SECOND,
    burst: 1,
    room: "=self",
    receivers: 1,
  });
}

/** A full handshake each: the client keeps no tickets. */
async function measureConnection({ side, client, pace }: Bench): Promise<Sample> {
  const churn = (durationMs: number) =>
    client.ask({
      type: "churn",
      url: side.url,
      ratePerSecond: CONNECTIONS_PER_SECOND,
      count: (CONNECTIONS_PER_SECOND * durationMs) / 1000,
    });
  await churn(pace.warmUpMs);
  const spent = accountCpu(side);
  const { opened, failed, latency } = await churn(pace.measureMs);
  const { totalMs, primaryMs } = spent();
  const figure = (totalMs * 1000) / opened;
  return {
    figure,
    notes: { perSecondAndCore: 1e6 / figure, primaryUs: (primaryMs * 1000) / opened, opened, failed, ...latency },
  };
}
