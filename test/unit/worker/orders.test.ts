import { expect, test } from "vitest";
import { Orders } from "../../../src/worker/orders.js";

test("each order reaches who acts on it", async () => {
  const orders = new Orders();
  const done: unknown[] = [];
  orders.onDrain = (withinMs) => done.push(withinMs);
  orders.onTicketKeys = (ticketKeys) => done.push(ticketKeys);
  orders.obey({ type: "drain", withinMs: 5, reason: "stop", heirs: [] });
  orders.obey({ type: "ticket-keys", ticketKeys: "k" });
  expect(done).toEqual([expect.objectContaining({ withinMs: 5 }), "k"]);
});

test("what TLS needs is there whether it is awaited before or after it has come", async () => {
  const orders = new Orders();
  const before = orders.tls;
  orders.obey({ type: "tls", cert: "c", key: "k", ticketKeys: "t" });
  expect(await before).toMatchObject({ cert: "c", key: "k", ticketKeys: "t" });
  expect(await orders.tls).toBe(await before);
});
