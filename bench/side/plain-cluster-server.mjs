/**
 * Node's own cluster with nothing else: what HTTP throughput is compared with. Primary and workers; no Socket.IO.
 */
import cluster from "node:cluster";
import http from "node:http";
import { answer } from "./bench-app.mjs";
import { whenAllReady } from "./ready-line.mjs";

const workers = Number(process.argv[2]);

if (cluster.isPrimary) {
  whenAllReady(workers, (print, url) => print(url));
  for (let i = 0; i < workers; i++) cluster.fork();
} else {
  const httpServer = http.createServer(answer);
  httpServer.listen(0, "127.0.0.1", () => {
    process.send({ type: "bench:ready", url: `http://127.0.0.1:${httpServer.address().port}` });
  });
}
