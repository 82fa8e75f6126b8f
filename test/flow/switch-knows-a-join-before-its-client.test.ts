import { expect, test } from "vitest";
import { act } from "./support/act.js";
import { clientsOnEach, received, type Socket } from "./support/client.js";
import { startHoldfast } from "./support/holdfast.js";

const TRIES = 400;
/** With less, all links are read in one go, and any switch would do. */
const LOAD_EVENTS = 300;
const LOAD_EVERY_MS = 2;
const LOADED_MS = 20_000;

// Without the client gate about 25 of the 400 miss, and as many when the switch relays what it reads at once.
test("who was told of a join gets what is sent to the room from then on, on whatever worker, under load", async () => {
  const host = await startHoldfast({ app: "conformance.mjs", workers: 3 });
  const clients = await clientsOnEach(host, [0, 1, 2]);
  for (const client of clients) await act(client, "startLoad", LOAD_EVENTS, LOAD_EVERY_MS);
  const misses: number[] = [];
  for (let i = 0; i < TRIES; i++) {
    const [joining, sending] = [clients[i % 3], clients[(i + 1) % 3]] as [Socket, Socket];
    if (!(await isReached(joining, sending, i))) misses.push(i);
  }
  for (const client of clients) await act(client, "stopLoad");
  expect(misses).toEqual([]);
});

async function isReached(joining: Socket, sending: Socket, i: number): Promise<boolean> {
  let reached = false;
  joining.once(`news ${i}`, () => {
    reached = true;
  });
  const done = received(joining, `done ${i}`, LOADED_MS);
  // In the callback, not after an await: between the two, as little time as there can be.
  joining.emit("join", `room ${i}`, () => {
    sending.emit("send", `room ${i}`, `news ${i}`);
    sending.emit("send", joining.id, `done ${i}`);
  });
  await done;
  return reached;
}
