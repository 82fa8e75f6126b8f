import { expect, test } from "vitest";
import { collect, connect, received } from "./client.js";
import { startPlain } from "./plain.js";
import { fence, io, nsp, RemoteError, run, runAll, socket } from "./remote.js";

test("a chain of calls is done where the client's session is", async () => {
  const server = await startPlain("remote.mjs");
  const [ada, bob] = [await connect(server), await connect(server, { transport: "both" })];
  await run(bob, socket.join("r"));
  const event = received(bob, "news");
  await run(
    ada,
    io
      .to("r")
      .except("x")
      .local.emit("news", { bytes: Buffer.from([1, 2]) }),
  );
  expect(await event).toEqual([{ bytes: Buffer.from([1, 2]) }]);
});

test("results come back: sockets, sets, values and acks", async () => {
  const ada = await connect(await startPlain("remote.mjs"), { namespace: "/chat" });
  ada.on("question", (ack) => ack("answer"));
  expect(await run(ada, nsp.fetchSockets())).toEqual([{ id: ada.id, rooms: [ada.id], data: {} }]);
  expect(await runAll(ada, socket.rooms, socket.emitWithAck("question"))).toEqual([[ada.id], "answer"]);
});

test("what a call throws comes back, with the acks that had come", async () => {
  const server = await startPlain("remote.mjs");
  const [ada, bob] = [await connect(server), await connect(server)];
  bob.on("question", (ack) => ack("answer"));
  const asked = run(ada, io.timeout(50).emitWithAck("question"));
  await expect(asked).rejects.toThrow(RemoteError);
  await expect(asked).rejects.toMatchObject({ responses: ["answer"] });
});

test("behind a fence, what was sent before has come", async () => {
  const server = await startPlain("remote.mjs");
  const [ada, bob] = [await connect(server), await connect(server)];
  const news = collect(bob, "news");
  await run(ada, io.to("elsewhere").emit("news", 1));
  await run(ada, io.emit("news", 2));
  await fence(ada, [ada, bob]);
  expect(news.items).toEqual([[2]]);
});
