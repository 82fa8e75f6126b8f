/**
 * The app that is measured, the same file on every side: it says which worker serves a client, lets it join a room, and
 * emits at a fixed rate when told to. Runs in the workers; knows nothing of how they are joined together.
 */
import { performance } from "node:perf_hooks";

const BODY = "hello from a worker\n";

export default function app(io, ctx) {
  ctx.http.on("request", answer);
  io.on("connection", (socket) => {
    socket.on("join", (room, joined) => {
      socket.join(room);
      joined();
    });
    socket.on("load", (plan) => setTimeout(emitAtRate, plan.delayMs, targetOf(plan.room, io, socket), plan));
    socket.emit("hello", ctx.worker.slot);
  });
}

/** A room, everybody, or the client that asks. */
function targetOf(room, io, socket) {
  if (room === "=self") return () => socket;
  return room ? () => io.to(room) : () => io;
}

export function answer(request, response) {
  // The recipe's http server shows Engine.IO's own requests to every listener.
  if (request.url.startsWith("/socket.io/")) return;
  response.setHeader("Content-Type", "text/plain");
  response.end(BODY);
}

/** Emits what is due by the clock, `burst` messages at a time, so that a slow side emits as much as a fast one. */
function emitAtRate(target, { ratePerSecond, burst, count, textBytes }) {
  const message = { sender: "ALICE", text_message: "x".repeat(textBytes) };
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(
    () => {
      const due = Math.min(count, Math.floor(((performance.now() - started) * ratePerSecond) / 1000));
      for (; sent < due; sent++) target().emit("tick", monotonicUs(), message);
      if (sent === count) clearInterval(timer);
    },
    Math.max(1, Math.floor((burst * 1000) / ratePerSecond)),
  );
}

/** CLOCK_MONOTONIC, which all processes of a machine share: the client subtracts it from its own. */
function monotonicUs() {
  return Number(process.hrtime.bigint() / 1000n);
}
