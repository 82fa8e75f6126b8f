import { beforeAll, expect, test } from "vitest";
import { act } from "./support/act.js";
import { clientsOnEach, received, type Socket } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";

const TRIES = 400;
/** With less, all links are read in one go, and any switch would do. */
const LOAD_EVENTS = 300;
const LOAD_EVERY_MS = 2;
const LOADED_MS = 20_000;

let host: Holdfast;
beforeAll(async () => {
  host = await startHoldfast({ app: "conformance.mjs", workers: 3 });
});

// Without the client gate about 25 of the 400 miss, and as many when the switch relays what it reads at once.
test("who was told of a join gets what is sent to the room from then on, on whatever worker, under load", async () => {
  const misses = await missesUnderLoad((joining, _, room, told) => joining.emit("join", room, told));
  expect(misses).toEqual([]);
});

// 10 miss when the switch relays in the order of reading, and 70 when the command is not urgent either.
test("so does who was made to join from another worker, once anybody was told of it", async () => {
  const misses = await missesUnderLoad((joining, telling, room, told) => {
    telling.emit("join-other", joining.id, room, told);
  });
  expect(misses).toEqual([]);
});

type Join = (joining: Socket, telling: Socket, room: string, told: () => void) => void;

async function missesUnderLoad(join: Join): Promise<number[]> {
  const clients = await clientsOnEach(host, [0, 1, 2]);
  for (const client of clients) await act(client, "startLoad", LOAD_EVENTS, LOAD_EVERY_MS);
  const misses: number[] = [];
  for (let i = 0; i < TRIES; i++) {
    const [joining, sending, telling] = [0, 1, 2].map((place) => clients[(i + place) % 3]) as [Socket, Socket, Socket];
    let reached = false;
    joining.once(`news ${i}`, () => {
      reached = true;
    });
    const done = received(joining, `done ${i}`, LOADED_MS);
    // In the callback, not after an await: between the two, as little time as there can be.
    join(joining, telling, `room ${i}`, () => {
      sending.emit("send", `room ${i}`, `news ${i}`);
      sending.emit("send", joining.id, `done ${i}`);
    });
    await done;
    if (!reached) misses.push(i);
  }
  for (const client of clients) await act(client, "stopLoad");
  return misses;
}
