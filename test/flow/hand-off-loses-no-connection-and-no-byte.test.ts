// D06, D07: what the primary has read goes along with the connection, however much it is, and nothing overtakes.
import { createHash, randomBytes } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { clientOn, collect, connect } from "./support/client.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { expectSameFootprint, footprint } from "./support/leak.js";
import { openRaw } from "./support/raw.js";
import { io, run, socket } from "./support/remote.js";

const HAND_OFFS = 800;
const WARM_UP = 400;
const AT_ONCE = 20;
/** What V8 leaves to collect later: over 8,000 such hand-offs the primary's memory goes up and down within this. */
const GARBAGE_BYTES = 48e6;
const BODY_BYTES = 60 * 1024;

let uploads: Holdfast;
beforeAll(async () => {
  uploads = await startHoldfast({ app: "upload.mjs", workers: 2 });
});

test("thousands of hand-offs with 60 kB read ahead arrive, each with every byte", async () => {
  const body = randomBytes(BODY_BYTES);
  const sha256 = createHash("sha256").update(body).digest("hex");
  const request = Buffer.concat([
    Buffer.from(`POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ]);
  const upload = async () => {
    const connection = await openRaw(uploads);
    connection.write(request);
    return JSON.parse(String((await connection.response()).body));
  };
  for (let done = 0; done < WARM_UP; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, upload));
  const before = await footprint(uploads);
  for (let done = 0; done < HAND_OFFS; done += AT_ONCE) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, upload));
    for (const answer of answers) expect(answer).toMatchObject({ bytes: BODY_BYTES, sha256 });
  }
  await expectSameFootprint(uploads, before, { rssBytes: GARBAGE_BYTES });
});

test("while connections are handed over, events of one sender stay in order", async () => {
  const host = await startHoldfast({ app: "remote.mjs", workers: 3 });
  const sender = await clientOn(host, 0);
  const receiver = await clientOn(host, 1);
  await run(receiver, socket.join("room"));
  const numbers = collect(receiver, "n");
  let handing = true;
  const handOffs = Array.from({ length: 4 }, async () => {
    while (handing) (await connect(host, { transport: "polling" })).disconnect();
  });
  for (let n = 0; n < 300; n++) await run(sender, io.to("room").emit("n", n));
  handing = false;
  await Promise.all(handOffs);
  expect(await numbers.untilCount(300)).toEqual(Array.from({ length: 300 }, (_, n) => [n]));
});
