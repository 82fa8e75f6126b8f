/**
 * One Socket.IO process with its own connection state recovery, as its documentation says, with the bench app: what
 * recovery is where there is nothing to recover across.
 */
import http from "node:http";
import { Server } from "socket.io";
import app from "./bench-app.mjs";

const httpServer = http.createServer();
const io = new Server(httpServer, { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } });
app(io, { http: httpServer, worker: { slot: 0 } });
httpServer.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${httpServer.address().port}`;
  process.stdout.write(`${JSON.stringify({ event: "ready", url })}\n`);
});
