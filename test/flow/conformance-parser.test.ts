import { describe, expect, test } from "vitest";
import { bytesParser, jsonParser } from "../fixtures/conformance-parser.mjs";
import { received } from "./support/client.js";
import { fence, io, run, socket } from "./support/remote.js";
import { clientOnEach, onManyServers, type Topology } from "./support/topology.js";

describe.each([
  ["of one text", "json", jsonParser],
  ["of one binary message", "bytes", bytesParser],
])("with an app's own parser, %s", (_, name, parser) => {
  const clientOptions = { options: { parser } };
  const suite = (topology: Topology) => {
    const connectThree = () => clientOnEach(topology, clientOptions);

    test("events arrive everywhere", async () => {
      const [a, b, c] = await connectThree();
      await run(c, socket.join("r"));
      const events = [a, b, c].map((client) => received(client, "news"));
      // notepack.io, a plain server's decoder, has no half of a surrogate pair.
      const text = topology.plain ? "é" : "é\ud800";
      await run(a, io.emit("news", { text, list: [1] }));
      for (const event of events) expect(await event).toEqual([{ text, list: [1] }]);
      const onlyC = received(c, "more");
      await run(b, io.to("r").emit("more", 1));
      expect(await onlyC).toEqual([1]);
    });

    test("clients answer", async () => {
      const clients = await connectThree();
      for (const [i, client] of clients.entries()) client.on("q", (arg, ack) => ack([i, arg]));
      const answers = await run(clients[0], io.timeout(5_000).emitWithAck("q", "arg"));
      expect(answers.sort()).toEqual([0, 1, 2].map((i) => [i, "arg"]));
    });

    test("outgoing listeners see what comes from other workers", async () => {
      const [a, b] = await connectThree();
      await run(a, io.emit("news", { list: [1] }));
      await fence(a, [b]);
      expect(await b.emitWithAck("outgoing")).toContainEqual(["news", { list: [1] }]);
    });
  };
  onManyServers("conformance-parser.mjs", suite, { env: { CONFORMANCE_PARSER: name }, clientOptions });
});
