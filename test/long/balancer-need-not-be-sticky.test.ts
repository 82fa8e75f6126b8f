// Issue 4, criterion 1: round robin over 2 hosts × 2 workers, 1,000 clients, one third each polling only, polling then
// upgrade, WebSocket only, 60 s of traffic, all workers replaced meanwhile. Name the balancer to run one of them.
import { expect, test } from "vitest";
import { BALANCERS, type BalancerName } from "../flow/support/balancer.js";
import { runUnsticky } from "../flow/support/stickiness.js";

const RUN = { clients: 1_000, seconds: 60, everyMs: 5_000 };

test.each(Object.keys(BALANCERS) as BalancerName[])(
  "behind %s nobody's session is unknown",
  async (name) => {
    const findings = await runUnsticky(name, RUN);
    console.log(`${name}: ${JSON.stringify({ ...findings, disturbances: findings.disturbances.length })}`);
    expect(findings.disturbances).toEqual([]);
  },
  600_000,
);
