/**
 * Looks into the heap of a running primary through Node's inspector: how many entries all of its Maps, Sets and arrays
 * hold, and how many bytes live after a full collection. Needs no cooperation of the code, so nothing can be left out.
 */
import { once } from "node:events";
import { WebSocket } from "ws";
import { within } from "./eventually.js";
import type { Holdfast } from "./holdfast.js";

const INSPECT_MS = 20_000;
/** Printed once the inspector listens; it does so when the process gets SIGUSR1. */
const LISTENING = /Debugger listening on (ws:\S+)/;

export interface Heap {
  /** Entries of all Maps and Sets. */
  readonly entries: number;
  readonly usedBytes: number;
}

/** The primary must have been started with `inspect: true`. */
export async function heapOf(host: Holdfast): Promise<Heap> {
  if (!LISTENING.test(host.stderr)) host.signal("SIGUSR1");
  const url = await host.waitForStderr(LISTENING, INSPECT_MS);
  const inspector = await Inspector.open(url[1] as string);
  try {
    const entries = (await inspector.entriesOf("Map")) + (await inspector.entriesOf("Set"));
    const { usedSize } = await inspector.call<{ usedSize: number }>("Runtime.getHeapUsage");
    return { entries, usedBytes: usedSize };
  } finally {
    inspector.close();
  }
}

interface RemoteObject {
  readonly objectId: string;
}

class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #id = 0;

  static async open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await within(once(socket, "open"), INSPECT_MS, "the inspector");
    return new Inspector(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const { id, result } = JSON.parse(String(data));
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
  }

  call<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#id;
    const answer = new Promise<unknown>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    return within(answer as Promise<T>, INSPECT_MS, method);
  }

  /** The sum of the sizes of all living instances. `queryObjects` collects garbage first. */
  async entriesOf(type: "Map" | "Set"): Promise<number> {
    const objectGroup = "heap";
    const prototype = await this.call<{ result: RemoteObject }>("Runtime.evaluate", {
      expression: `${type}.prototype`,
      objectGroup,
    });
    const { objects } = await this.call<{ objects: RemoteObject }>("Runtime.queryObjects", {
      prototypeObjectId: prototype.result.objectId,
      objectGroup,
    });
    const sum = await this.call<{ result: { value: number } }>("Runtime.callFunctionOn", {
      objectId: objects.objectId,
      functionDeclaration: "function () { return this.reduce((sum, { size }) => sum + size, 0); }",
      returnByValue: true,
    });
    await this.call("Runtime.releaseObjectGroup", { objectGroup });
    return sum.result.value;
  }

  close(): void {
    this.#socket.terminate();
  }
}
