import { expect, test } from "vitest";
import { clientsOnEach, type Socket } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";

const IPC_FD = 3;
const LINK_FD = 4;

// More of them, without processes, stand in the unit tests of channel-guard.ts and of the switch.
test.each<[string, number, Buffer]>([
  ["noise on its IPC channel", IPC_FD, Buffer.from("\x01\xff\xfe\x80noise\n", "latin1")],
  ["a handle that is none", IPC_FD, Buffer.from('{"cmd":"NODE_HANDLE"}\n')],
  ["a frame of 4 GB on its link", LINK_FD, frame(0xffff_ffff)],
  ["a frame of an unknown kind", LINK_FD, frame(2, [250, 0])],
  ["a join that is cut short", LINK_FD, frame(6, [10, 255, 255, 255, 127, 0])],
])("%s", async (_, fd, bytes) => {
  const host = await startHoldfast({ app: "writes-raw.mjs" });
  const [rude, other] = (await clientsOnEach(host, [0, 1])) as [Socket, Socket];
  const { pid } = await host.worker(0);
  rude.emit("write", fd, bytes);
  expect(await host.waitForLog("worker-protocol-error")).toMatchObject({ slot: 0, workerPid: pid });
  expect(await host.waitForLog("worker-exit")).toMatchObject({ slot: 0, workerPid: pid });
  expect(await host.worker(0)).toMatchObject({ restarts: 1 });
  expect(await other.emitWithAck("echo", "still here")).toEqual("still here");
  expect(host.lines.filter(({ event }) => event === "worker-protocol-error")).toHaveLength(1);
});

/** A length, and what stands behind it. */
function frame(length: number, body: readonly number[] = []): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(length);
  return Buffer.concat([head, Buffer.from(body)]);
}
