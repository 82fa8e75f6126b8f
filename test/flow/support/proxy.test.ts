import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { onCleanup } from "./cleanup.js";
import { eventually } from "./eventually.js";
import { type FaultProxy, startProxy } from "./proxy.js";
import { openRaw } from "./raw.js";

test("without a fault, bytes pass both ways and ends follow", async () => {
  const { proxy } = await echoBehindProxy();
  const connection = await openRaw(proxy);
  connection.write("hello");
  expect(String(await connection.bytes(5))).toBe("hello");
  connection.halfClose();
  expect(await connection.untilClosed()).toEqual({ bytes: Buffer.alloc(0), how: "end" });
  await eventually(
    () => proxy.connections,
    (count) => count === 0,
  );
});

test("slices arrive as pieces of that size", async () => {
  const { proxy, chunks } = await echoBehindProxy();
  proxy.slice(1, { direction: "up" });
  const connection = await openRaw(proxy);
  connection.write("abc");
  expect(String(await connection.bytes(3))).toBe("abc");
  expect(chunks.map(String)).toEqual(["a", "b", "c"]);
});

test("random slices are the same for the same seed, and lose nothing", async () => {
  const sizes = async () => {
    const { proxy, chunks } = await echoBehindProxy();
    proxy.slice(7, { direction: "up", seed: 42 });
    const connection = await openRaw(proxy);
    connection.write("x".repeat(100));
    await connection.bytes(100);
    return chunks.map(({ length }) => length);
  };
  const first = await sizes();
  expect(first.length).toBeGreaterThan(100 / 7);
  expect(await sizes()).toEqual(first);
});

test("a black hole swallows silently until it heals", async () => {
  const { proxy, chunks } = await echoBehindProxy();
  const connection = await openRaw(proxy);
  proxy.blackHole("down");
  connection.write("lost");
  await eventually(
    () => chunks.length,
    (count) => count === 1,
  );
  proxy.heal();
  connection.write("back");
  expect(String(await connection.bytes(4))).toBe("back");
});

test("a cut passes exactly so many bytes and then resets", async () => {
  const { proxy } = await echoBehindProxy();
  proxy.cutAfter(3, "down");
  const connection = await openRaw(proxy);
  connection.write("abcdef");
  expect(String(await connection.bytes(3))).toBe("abc");
  expect((await connection.untilClosed()).how).toBe("reset");
});

test("resetAll resets, refuse refuses, accept accepts on the same port", async () => {
  const { proxy } = await echoBehindProxy();
  const connection = await openRaw(proxy);
  proxy.resetAll();
  expect((await connection.untilClosed()).how).toBe("reset");
  proxy.refuse();
  await expect(openRaw(proxy)).rejects.toThrow("ECONNREFUSED");
  await proxy.accept();
  await openRaw(proxy);
});

/** `chunks` is what the server read, each as it came. */
async function echoBehindProxy(): Promise<{ proxy: FaultProxy; chunks: Buffer[] }> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("end", () => socket.end());
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      socket.write(chunk);
    });
  });
  onCleanup(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { proxy: await startProxy({ url: `http://127.0.0.1:${port}` }), chunks };
}
