/**
 * An app that makes a server of its own listen, as it did when it ran alone. In a cluster worker Node would ask the primary
 * to listen for it, and our primary takes no such orders; the refusal would come later, and out of nowhere. So `listen` of
 * every server in the worker throws at once, where the app's author sees the line, except for `exclusive: true`.
 */
import { Server } from "node:net";

export class AppListenError extends Error {
  override readonly name = "AppListenError";
  readonly code = "HOLDFAST_APP_LISTEN";

  constructor() {
    super(
      'an app does not listen by itself: put its handler on ctx.http (ctx.http.on("request", …)), ' +
        "or, for a port that this worker alone has, listen with { exclusive: true }",
    );
  }
}

/** From here on, in the whole process. */
export function refuseListening(): void {
  const listen = Server.prototype.listen as (...args: unknown[]) => Server;
  Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
    if (!isExclusive(args[0])) throw new AppListenError();
    return listen.apply(this, args);
  };
}

function isExclusive(options: unknown): boolean {
  return typeof options === "object" && options !== null && (options as { exclusive?: unknown }).exclusive === true;
}
