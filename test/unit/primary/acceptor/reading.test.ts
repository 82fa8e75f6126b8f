// What reading.ts relies on and Node does not document. A failure here means that a new version of Node changed it.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { startReading, stopReading } from "../../../../src/primary/acceptor/reading.js";
import { writeSegment } from "../../../flow/support/segment.js";

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

test("nothing is read after stopReading, though the stream asks for more", async () => {
  const { client, server } = await pair();
  const seen: string[] = [];
  const stopped = new Promise((resolve) => {
    server.on("data", (chunk) => {
      seen.push(String(chunk));
      resolve(stopReading(server));
    });
  });
  client.write("first");
  expect(await stopped).toBe(true);
  client.write("second");
  await turns();
  server.resume();
  server.read(0);
  await turns();
  expect(seen).toEqual(["first"]);
  expect(server.bytesRead).toBe("first".length);
});

test("what came after stopReading is read after startReading, nothing lost", async () => {
  const { client, server } = await pair();
  let seen = "";
  server.once("data", () => stopReading(server));
  server.on("data", (chunk) => {
    seen += chunk;
  });
  await writeSegment(client, Buffer.from("a"));
  client.write("bc");
  await turns();
  expect(seen).toBe("a");
  startReading(server);
  client.end("d");
  await once(server, "end");
  expect(seen).toBe("abcd");
});

test("a socket whose reading was stopped is in no list of its server's sockets in other processes", async () => {
  const { server } = await pair();
  stopReading(server);
  expect((server as unknown as { server: unknown }).server).toBeNull();
});

test("a closed socket cannot be handed over, and says so", async () => {
  const { server } = await pair();
  server.destroy();
  expect(stopReading(server)).toBe(false);
  expect(() => startReading(server)).not.toThrow();
});

async function pair(): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer({ allowHalfOpen: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const client = connect((listener.address() as { port: number }).port, "127.0.0.1");
  const [[server]] = (await Promise.all([once(listener, "connection"), once(client, "connect")])) as [
    [Socket],
    unknown,
  ];
  listener.close();
  open.push(client, server);
  return { client, server };
}

/** Enough turns of the event loop for the kernel's loopback to deliver and for a poll to see it. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}
