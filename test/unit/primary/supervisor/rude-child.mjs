// A worker that says on its IPC channel what its argument tells it to.
import { writeSync } from "node:fs";
import { createServer } from "node:net";

const CHANNEL_FD = 3;
const [, , deed, argument] = process.argv;

const deeds = {
  write: () => writeSync(CHANNEL_FD, Buffer.from(argument, "latin1")),
  flood: () => process.send("x".repeat(2 * 1024 * 1024)),
  send: () => process.send(JSON.parse(argument)),
  "send-handle": () => {
    const server = createServer().listen({ port: 0, host: "127.0.0.1", exclusive: true }, () =>
      process.send("take this", server),
    );
  },
  listen: () =>
    createServer()
      .on("error", ({ code }) => process.stdout.write(code))
      .listen(0, "127.0.0.1"),
  echo: () => process.on("message", ({ sequence }, socket) => socket?.end(`connection ${sequence}`)),
  pass: () =>
    process.on("message", (_, socket) =>
      process.send({ type: "holdfast:pass", sequence: 1, data: "GET / HTTP/1.1" }, socket),
    ),
  wait: () => {},
};

deeds[deed]();
// It stays until it is killed.
setInterval(() => {}, 60_000);
process.on("message", () => {});
