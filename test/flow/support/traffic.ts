/**
 * Clients of every transport that send and are answered all the time, and what each of them met: whether its session was
 * ever unknown to who was asked, when it was cut off, and which worker had it then.
 */
import { ownerOf, type SessionOwner } from "../../../src/protocol/session-id.js";
import { onCleanup } from "./cleanup.js";
import { open, ownerOfClient, type Server, type Socket, type Transport } from "./client.js";
import { eventually } from "./eventually.js";

const TRANSPORTS: readonly Transport[] = ["polling", "both", "websocket"];
/** So many begin at once. */
const AT_ONCE = 50;
const RECONNECT = { reconnection: true, reconnectionDelay: 100, reconnectionDelayMax: 500, timeout: 20_000 };

export interface Trouble {
  readonly transport: Transport;
  /** Of the session that it was about; undefined: there was none yet. */
  readonly owner: SessionOwner | undefined;
  readonly reason: string;
}

interface Engine {
  readonly id?: string;
  on(event: string, listener: (error: EngineError) => void): void;
}

interface EngineError {
  readonly message?: string;
  readonly description?: unknown;
  readonly context?: { readonly responseText?: string };
}

export class Traffic {
  readonly clients: Socket[] = [];
  /** Answers that are errors, and connections that broke. */
  readonly errors: Trouble[] = [];
  readonly disconnects: Trouble[] = [];
  /** Of each client's session, the last that it had. */
  readonly owners = new Map<Socket, SessionOwner>();
  answered = 0;

  /** Resolves when `count` clients are connected, a third of each transport. */
  async start(server: Server, count: number, everyMs: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.#join(server, TRANSPORTS[i % TRANSPORTS.length] as Transport, everyMs);
      if (i % AT_ONCE === AT_ONCE - 1) await this.allConnected();
    }
    await this.allConnected();
  }

  allConnected(withinMs = 60_000): Promise<unknown> {
    const away = () => this.clients.filter(({ connected }) => !connected).length;
    return eventually(away, (count) => count === 0, { withinMs, what: "every client connected; so many are not" });
  }

  /** Those whom somebody told that their session is unknown. A WebSocket's client is told no more than the status. */
  get unknown(): Trouble[] {
    return this.errors.filter(({ reason }) => /Session ID unknown|Unexpected server response: 400/.test(reason));
  }

  #join(server: Server, transport: Transport, everyMs: number): void {
    const client = open(server, { transport, options: RECONNECT });
    this.clients.push(client);
    // Also of an attempt to connect, or to connect again.
    client.io.on("error", (error) => void this.errors.push({ transport, owner: undefined, reason: error.message }));
    client.io.on("open", () => this.#watch(client.io.engine as unknown as Engine, transport));
    client.on("connect", () => this.owners.set(client, ownerOfClient(client)));
    client.on("disconnect", (reason) => {
      this.disconnects.push({ transport, owner: this.owners.get(client), reason });
    });
    const timer = setInterval(() => client.connected && client.emit("echo", 1, () => this.answered++), everyMs);
    onCleanup(() => clearInterval(timer));
  }

  #watch(engine: Engine, transport: Transport): void {
    const owner = engine.id === undefined ? undefined : ownerOf(engine.id);
    const note = (error: EngineError) => void this.errors.push({ transport, owner, reason: reasonOf(error) });
    engine.on("error", note);
    engine.on("upgradeError", note);
  }
}

function reasonOf({ message, description, context }: EngineError): string {
  const { message: inner, error } = (description ?? {}) as { message?: string; error?: { message?: string } };
  return [message, error?.message, inner, context?.responseText].filter(Boolean).join(" · ");
}
