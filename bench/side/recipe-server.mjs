/**
 * The public recipe: @socket.io/sticky and @socket.io/cluster-adapter as their READMEs say, with the bench app in the
 * workers; given a Redis, as a second argument, @socket.io/redis-adapter in every worker instead, which joins hosts.
 * Primary and workers; the one thing added is the ready line.
 */
import cluster from "node:cluster";
import http from "node:http";
import { createAdapter, setupPrimary } from "@socket.io/cluster-adapter";
import { createAdapter as createRedisAdapter } from "@socket.io/redis-adapter";
import { setupMaster, setupWorker } from "@socket.io/sticky";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import app from "./bench-app.mjs";
import { whenAllReady } from "./ready-line.mjs";

const workers = Number(process.argv[2]);
const redisUrl = process.argv[3];
const RECOVERABLE = { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } };

if (cluster.isPrimary) {
  const httpServer = http.createServer();
  setupMaster(httpServer, { loadBalancingMethod: "least-connection" });
  if (!redisUrl) setupPrimary();
  cluster.setupPrimary({ serialization: "advanced" });
  whenAllReady(workers, (print) =>
    httpServer.listen(0, "127.0.0.1", () => print(`http://127.0.0.1:${httpServer.address().port}`)),
  );
  for (let i = 0; i < workers; i++) cluster.fork();
} else {
  const httpServer = http.createServer();
  const io = new Server(httpServer, process.env.BENCH_RECOVERABLE ? RECOVERABLE : {});
  io.adapter(redisUrl ? await redisAdapter() : createAdapter());
  setupWorker(io);
  app(io, { http: httpServer, worker: { slot: cluster.worker.id - 1 } });
  process.send({ type: "bench:ready" });
}

async function redisAdapter() {
  const pub = new Redis(redisUrl);
  const sub = pub.duplicate();
  await Promise.all([pub.ping(), sub.ping()]);
  return createRedisAdapter(pub, sub);
}
