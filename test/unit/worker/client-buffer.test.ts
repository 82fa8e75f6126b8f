import { expect, test } from "vitest";
import { ClientBuffers, type SlowClient, type WaitingPacket } from "../../../src/worker/client-buffer.js";

const frame = (bytes: number): WaitingPacket => ({ options: { wsPreEncodedFrame: [Buffer.alloc(bytes)] } });

test("texts, bytes and frames count as what they hold", () => {
  for (const packet of [frame(1_000), { data: "x".repeat(1_000) }, { data: Buffer.alloc(1_000) }]) {
    const { buffers, client } = start(2_500);
    client.writeBuffer.push(packet, packet, packet);
    expect(buffers.isPast(client)).toBe(false);
    client.writeBuffer.push(packet);
    expect(buffers.isPast(client)).toBe(true);
  }
});

test("one packet larger than the limit may wait, as an attachment does behind its event, and no more beside it", () => {
  const { buffers, client } = start(2_500);
  client.writeBuffer.push(frame(1_000_000), frame(1_000), frame(1_000));
  expect(buffers.isPast(client)).toBe(false);
  client.writeBuffer.push(frame(1_000));
  expect(buffers.isPast(client)).toBe(true);
});

test("empty packets are not free", () => {
  const { buffers, client } = start(10_000);
  client.writeBuffer.push(...Array.from({ length: 1_000 }, () => ({})));
  expect(buffers.isPast(client)).toBe(true);
});

test("what has been flushed no longer counts", () => {
  const { buffers, client } = start(2_500);
  for (let i = 0; i < 10; i++) {
    client.writeBuffer.push(frame(1_000), frame(1_000));
    expect(buffers.isPast(client)).toBe(false);
    client.writeBuffer = [];
  }
});

test("past the limit it is closed once, with a reason, after the turn, and what waited is let go", async () => {
  const { buffers, client, closed, slow } = start(2_500);
  for (let i = 0; i < 10; i++) {
    client.writeBuffer.push(frame(1_000));
    buffers.isPast(client);
  }
  expect([closed, client.writeBuffer]).toEqual([[], []]);
  await new Promise(process.nextTick);
  expect([closed, slow.count]).toEqual([["slow consumer", "terminated"], 1]);
});

function start(maxBytes: number) {
  const slow = { count: 0 };
  const closed: string[] = [];
  const client: SlowClient = {
    writeBuffer: [],
    transport: { writable: false, socket: { terminate: () => closed.push("terminated") } },
    onClose: (reason) => closed.push(reason),
  };
  const buffers = new ClientBuffers(maxBytes, () => slow.count++);
  return { buffers, client, closed, slow };
}
