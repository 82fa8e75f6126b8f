import { describe, expect, test } from "vitest";
import { act } from "./support/act.js";
import { received, type Socket } from "./support/client.js";
import { eventually, within } from "./support/eventually.js";
import { io, type RemoteError, run, socket } from "./support/remote.js";
import { clientOnEach, onEveryTopology } from "./support/topology.js";

/** Longer than any test: what waits for it fails. */
const LONG_MS = 15_000;
const SHORT_MS = 300;

onEveryTopology("conformance.mjs", (topology) => {
  describe("a broadcast with acknowledgements", () => {
    test("gathers the answer of every client", async () => {
      const clients = await clientOnEach(topology);
      for (const [i, client] of clients.entries()) client.on("q", (arg, ack) => ack({ i, arg }));
      const answers: { i: number }[] = await run(clients[0], io.timeout(LONG_MS).emitWithAck("q", "arg"));
      expect(answers.sort((one, other) => one.i - other.i)).toEqual([0, 1, 2].map((i) => ({ i, arg: "arg" })));
    });

    test("asks the members of a room, less those excepted, once", async () => {
      const [a, b, c] = await clientOnEach(topology);
      for (const [i, client] of [a, b, c].entries()) client.on("q", (ack) => ack(i));
      for (const member of [a, b, c]) await run(member, socket.join(["r", "s"]));
      await run(c, socket.join("not"));
      const answers = await run(a, io.to(["r", "s"]).except("not").timeout(LONG_MS).emitWithAck("q"));
      expect(answers.sort()).toEqual([0, 1]);
    });

    test("to an empty room is answered at once", async () => {
      const [a] = await clientOnEach(topology);
      expect(await run(a, io.to("nobody").timeout(LONG_MS).emitWithAck("q"))).toEqual([]);
    });

    test("to a room of another worker's client alone is answered by it", async () => {
      const [a, b] = await clientOnEach(topology);
      b.on("q", (ack) => ack("b"));
      expect(
        await run(
          a,
          io
            .to(b.id as string)
            .timeout(LONG_MS)
            .emitWithAck("q"),
        ),
      ).toEqual(["b"]);
    });

    test("costs the timeout when a client is silent, and gives the answers that came", async () => {
      const clients = await clientOnEach(topology);
      const [a, b, c] = clients;
      for (const [i, client] of [a, b].entries()) client.on("q", (ack) => ack(i));
      const asked = received(c, "q");
      const failed = run(a, io.timeout(SHORT_MS).emitWithAck("q")).catch((error) => error as RemoteError);
      await asked;
      const { message, responses } = (await failed) as RemoteError;
      expect(message).toBe("operation has timed out");
      expect(responses?.sort()).toEqual([0, 1]);
      // A plain server never forgets an acknowledgement that another server has asked for.
      for (const client of topology.plain ? [a, b] : clients) {
        await eventually(
          () => act(client, "pendingAcks"),
          (pending) => pending === 0,
        );
      }
    });

    test("with local asks the server's own clients", async () => {
      const clients = await clientOnEach(topology);
      for (const [i, client] of clients.entries()) client.on("q", (ack) => ack(i));
      const answers = await run(clients[1], io.local.timeout(LONG_MS).emitWithAck("q"));
      expect(answers.sort()).toEqual(topology.servers === 1 ? [0, 1, 2] : [1]);
    });

    test("asks and is answered with any payload", async () => {
      const clients = await clientOnEach(topology);
      for (const client of clients) client.on("q", (...args) => args.pop()(args));
      // redis-adapter's own encoder, notepack.io, makes another character of half a surrogate pair.
      const text = topology.plain ? "é😀" : "\ud800é😀";
      const args = [{ bytes: Buffer.from("b"), text }, null, [Buffer.alloc(0)]];
      const answers = await run(clients[0], io.timeout(LONG_MS).emitWithAck("q", ...args));
      expect(answers).toEqual([args, args, args]);
    });

    test("sends what JSON makes of odd values", async () => {
      const clients = await clientOnEach(topology);
      for (const client of clients) client.on("odd", (...args) => args.pop()(args));
      const odd = [null, null, 0, "1970-01-01T00:00:00.005Z", {}, {}, null, null, "12 EUR", {}];
      expect(await act(clients[0], "askOddValues")).toEqual([odd, odd, odd]);
    });

    test("carries a megabyte there and back", async () => {
      const [a, b] = await clientOnEach(topology);
      b.on("q", (bytes: Buffer, ack) => ack(bytes));
      const [answer] = await run(
        a,
        io
          .to(b.id as string)
          .timeout(LONG_MS)
          .emitWithAck("q", Buffer.alloc(1024 * 1024, 3)),
      );
      expect(answer.equals(Buffer.alloc(1024 * 1024, 3))).toBe(true);
    });

    test("many at once each have their own answers", async () => {
      const clients = await clientOnEach(topology);
      for (const [i, client] of clients.entries()) client.on("q", (n, ack) => ack(`${n} of ${i}`));
      const asks = Array.from({ length: 100 }, (_, n) => {
        return run(clients[n % 3] as Socket, io.timeout(LONG_MS).emitWithAck("q", n));
      });
      for (const [n, answers] of (await Promise.all(asks)).entries()) {
        expect(answers.sort()).toEqual([0, 1, 2].map((i) => `${n} of ${i}`));
      }
    });
  });

  describe("a socket of another worker", () => {
    test("is asked alone, and gives one answer", async () => {
      const [a, b] = await clientOnEach(topology);
      b.on("q", (arg, ack) => ack(`${arg} back`));
      await run(b, socket.join("r"));
      expect(await act(a, "askEach", "r", LONG_MS, "q", "there")).toEqual(["there back"]);
    });

    test("that stays silent costs the timeout", async () => {
      const [a, b] = await clientOnEach(topology);
      await run(b, socket.join("r"));
      const answer = act(a, "askEach", "r", SHORT_MS, "q");
      await expect(within(answer, LONG_MS, "the timeout")).rejects.toThrow("operation has timed out");
    });
  });
});
