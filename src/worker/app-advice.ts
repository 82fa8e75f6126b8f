/** What an app's author is told of what the app does and need not: likely in a first port of one that ran alone. */

interface AdviceLog {
  warn(fields: object, text: string): void;
}

/** A port may leave `new Server(httpServer)` as it was; its handlers would never run. */
export function adviseAgainstOwnServer(log: AdviceLog): void {
  log.warn(
    { event: "app-own-server" },
    "the app listens for upgrades on ctx.http and for no connection of io: a Socket.IO server that it makes itself " +
      "gets no requests; use the io that it is given, and export its options",
  );
}

export function adviseAgainstSetupWorker(log: AdviceLog): void {
  log.warn(
    { event: "app-setup-worker" },
    "the app calls setupWorker() of @socket.io/sticky: it need not, Holdfast has done so; nothing was done",
  );
}
