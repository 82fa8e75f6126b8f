/**
 * Writes bytes so that they arrive apart. TCP may join what is written apart, and the reader what has arrived, so each
 * piece waits until the other side, on this machine, has read the one before it: Linux shows its receive queue.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

/** A reader that has stopped reading on purpose is not waited for longer. */
const UNREAD_MS = 50;

export async function writeSegment(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (!socket.write(bytes)) await once(socket, "drain");
  const deadline = performance.now() + UNREAD_MS;
  do await nextTurn();
  while (!(await peerHasRead(socket)) && performance.now() < deadline);
}

async function peerHasRead({ localPort, remotePort }: Socket): Promise<boolean> {
  const queue = new RegExp(`:${hex(remotePort)} [0-9A-F]+:${hex(localPort)} .. [0-9A-F]+:([0-9A-F]+)`);
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "latin1")));
  const unread = tables.map((table) => queue.exec(table)?.[1]).find((size) => size !== undefined);
  return unread === undefined || Number.parseInt(unread, 16) === 0;
}

function hex(port = 0): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}
