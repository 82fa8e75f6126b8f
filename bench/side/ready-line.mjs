/**
 * Prints the ready line of Holdfast for sides that have none. Runs in the primary of the recipe and of plain cluster.
 */
import cluster from "node:cluster";

/** Calls `onReady(print, url)` when `workers` workers have said `bench:ready`; `url` is what the last of them said. */
export function whenAllReady(workers, onReady) {
  let ready = 0;
  cluster.on("message", (_worker, message) => {
    if (message.type === "bench:ready" && ++ready === workers) onReady(print, message.url);
  });
}

function print(url) {
  process.stdout.write(`${JSON.stringify({ event: "ready", url })}\n`);
}
