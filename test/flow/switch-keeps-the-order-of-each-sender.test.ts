// D07: whatever goes on beside it, what one sender sends arrives as it was sent.
import { expect, test } from "vitest";
import { clientsOnEach, collect, connect, type Socket } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";

const SLOTS = [0, 1, 2];
const EVENTS = 1_000;
const SENDERS = 2 * SLOTS.length;
const DELIVERED_MS = 40_000;
const LARGE_BYTES = 100_000;

test("several senders on several workers, amid joins, hand-offs and large events", async () => {
  const host = await startHoldfast({ app: "conformance.mjs", workers: SLOTS.length });
  const receivers = await clientsOnEach(host, SLOTS);
  const senders = await clientsOnEach(host, [...SLOTS, ...SLOTS]);
  for (const receiver of receivers) await receiver.emitWithAck("join", "all");
  const events = receivers.map((receiver) => collect(receiver, "news"));
  const comingAndGoing = comeAndGo(host);
  await Promise.all(senders.map(send));
  for (const { untilCount } of events) await untilCount(EVENTS * SENDERS, DELIVERED_MS);
  await comingAndGoing();
  for (const { items } of events) {
    for (const sender of senders.keys()) {
      const sent = items.filter(([by]) => by === sender).map(([, i]) => i);
      expect(sent).toEqual(Array.from({ length: EVENTS }, (_, i) => i));
    }
  }
});

async function send(sender: Socket, by: number): Promise<void> {
  for (let i = 0; i < EVENTS; i++) {
    const payload = i % 100 === 0 ? Buffer.alloc(LARGE_BYTES) : null;
    sender.emit("send", "all", "news", by, i, payload);
    // Its worker is asked now and then, so that the senders take turns.
    if (i % 50 === 0) await sender.emitWithAck("echo", i);
  }
}

/** Clients that connect, join the room and leave until it is called. */
function comeAndGo(host: Holdfast): () => Promise<void> {
  let over = false;
  const going = (async () => {
    while (!over) {
      const client = await connect(host);
      await client.emitWithAck("join", "all");
      client.disconnect();
    }
  })();
  return () => {
    over = true;
    return going;
  };
}
