/**
 * Stops the primary from reading a connection that a worker is going to read. The one place of the acceptor that
 * relies on what Node does not document; test/unit/primary/acceptor/reading.test.ts shows that it holds.
 *
 * A socket sent to another process stays readable in this one until its handle is closed. `pause()` is not enough: the
 * handle goes on reading until its buffer is full, and what it reads is lost to the worker (measured: 3–8 % of
 * connections hang). `handle.readStop()` ends it in the same tick, also within a read callback. Only the stream's
 * `_read`, called whenever its buffer is empty, would start it again, so that is taken out.
 *
 * `server` is taken off because child_process.js keeps a list of the sockets of each server per child when it is set, in
 * both processes, and asks the children about them when the server closes.
 */
import type { Socket } from "node:net";

interface Internals {
  _handle: { readStop(): number; readStart(): number; reading: boolean } | null;
  _read?: (size: number) => void;
  server: unknown;
}

/** After this no byte of the connection reaches this process. False: it has been closed meanwhile. */
export function stopReading(socket: Socket): boolean {
  const internals = socket as unknown as Internals;
  if (internals._handle?.readStop() !== 0) return false;
  internals._read = () => {};
  internals.server = null;
  return true;
}

/** Undoes stopReading for a connection that will be answered here after all. */
export function startReading(socket: Socket): void {
  const internals = socket as unknown as Internals;
  delete internals._read;
  if (!internals._handle) return;
  internals._handle.reading = true;
  internals._handle.readStart();
}
