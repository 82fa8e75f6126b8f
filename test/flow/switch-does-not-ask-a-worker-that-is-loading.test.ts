import { expect, test } from "vitest";
import { clientOn } from "./support/client.js";
import { within } from "./support/eventually.js";
import { startHoldfast } from "./support/holdfast.js";
import { io, run } from "./support/remote.js";

/** Less than the timeout of a question. */
const SOON_MS = 3_000;

test("while a killed worker's successor loads the app, questions are answered by the others, and none fails", async () => {
  const host = await startHoldfast({ app: "conformance-slow-app.mjs", workers: 3 });
  const client = await clientOn(host, 0);
  process.kill((await host.worker(2)).pid, "SIGKILL");
  const isLoading = ({ slot, state }: { slot: number; state: string }) => slot === 2 && state === "starting";
  await host.waitForStatus(({ workers }) => workers.some(isLoading));
  for (let stillLoading = true; stillLoading; stillLoading = (await host.workers()).some(isLoading)) {
    const slots = await within(run(client, io.serverSideEmitWithAck("server-slot")), SOON_MS, "the answers");
    expect(slots).toContain(1);
  }
  await host.worker(2);
  expect((await run(client, io.serverSideEmitWithAck("server-slot"))).sort()).toEqual([1, 2]);
});
