/**
 * Engine.IO's two transports without its client: single requests, on connections that all sessions share or on those of
 * one session, and a WebSocket's messages in the order in which they came.
 */
import { once } from "node:events";
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { request as secureRequest, Agent as TlsAgent } from "node:https";
import { WebSocket } from "ws";
import { onCleanup } from "./cleanup.js";
import type { Server } from "./client.js";
import { within } from "./eventually.js";

const ANSWER_MS = 15_000;
const POLLING = "EIO=4&transport=polling";
const WEBSOCKET = "EIO=4&transport=websocket";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Handshake {
  readonly sid: string;
  readonly upgrades: readonly string[];
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}

export class ProtocolClient {
  readonly #server: Server;
  readonly #mark: string;
  readonly #agent: Agent;

  /** `mark` is put behind every query. Requests come on whatever connection is free: seldom one of their session's worker. */
  constructor(server: Server, mark = "") {
    const { ca } = server;
    this.#server = server;
    this.#mark = mark;
    this.#agent = ca === undefined ? new Agent({ keepAlive: true }) : new TlsAgent({ keepAlive: true, ca });
    onCleanup(() => this.#agent.destroy());
  }

  /** The same on connections of its own: the first is with the worker of the session that it opens. */
  alone(): ProtocolClient {
    return new ProtocolClient(this.#server, this.#mark);
  }

  ask(query: string, method = "GET", body = ""): Promise<Answer> {
    return answerTo(this.#send(query, method).end(body));
  }

  async handshake(): Promise<Handshake> {
    const { status, body } = await this.ask(POLLING);
    if (status !== 200 || !body.startsWith("0")) throw new Error(`the handshake was answered ${status}: ${body}`);
    return JSON.parse(body.slice(1));
  }

  async openSession(): Promise<string> {
    return (await this.handshake()).sid;
  }

  poll(sid: string): Promise<Answer> {
    return this.ask(`${POLLING}&sid=${sid}`);
  }

  post(sid: string, body: string): Promise<Answer> {
    return this.ask(`${POLLING}&sid=${sid}`, "POST", body);
  }

  /** A poll that its worker is known to have: it says so with a 100. To be awaited twice. */
  async beginPoll(sid: string): Promise<{ readonly answer: Promise<Answer> }> {
    const outgoing = this.#send(`${POLLING}&sid=${sid}`, "GET").setHeader("Expect", "100-continue");
    const answer = answerTo(outgoing.end());
    // Where the test has failed meanwhile, nobody waits for it.
    answer.catch(() => {});
    await within(once(outgoing, "continue"), ANSWER_MS, "the poll to be read");
    return { answer };
  }

  websocket(query = WEBSOCKET): Wire {
    const { url, ca } = this.#server;
    return new Wire(new WebSocket(`${url.replace("http", "ws")}/socket.io/?${query}${this.#mark}`, ca ? { ca } : {}));
  }

  /** Whose probe was answered; to be followed by the upgrade itself, "5". */
  async upgrading(sid: string): Promise<Wire> {
    const wire = this.websocket(`${WEBSOCKET}&sid=${sid}`);
    wire.send("2probe");
    const answer = await wire.next();
    if (answer !== "3probe") throw new Error(`the probe was answered ${answer}`);
    return wire;
  }

  #send(query: string, method: string): ClientRequest {
    const { url, ca } = this.#server;
    const send = ca === undefined ? request : secureRequest;
    return send(`${url}/socket.io/?${query}${this.#mark}`, { method, agent: this.#agent });
  }
}

function answerTo(outgoing: ClientRequest): Promise<Answer> {
  const answer = once(outgoing, "response").then(async ([response]: IncomingMessage[]) => {
    const chunks = await (response as IncomingMessage).setEncoding("utf8").toArray();
    return { status: response?.statusCode as number, body: chunks.join("") };
  });
  return within(answer, ANSWER_MS, `an answer to ${outgoing.method} ${outgoing.path}`);
}

/** One WebSocket: text as text, binary as Buffer. */
export class Wire {
  readonly #socket: WebSocket;
  readonly #messages: (string | Buffer)[] = [];
  readonly #opened: Promise<unknown>;
  #wake = () => {};
  #closed = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#opened = once(socket, "open");
    this.#opened.catch(() => {});
    onCleanup(() => socket.terminate());
    socket.on("message", (data: Buffer, isBinary) => {
      this.#messages.push(isBinary ? data : String(data));
      this.#wake();
    });
    // A refusal is one: it closes.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** When it is open. */
  send(data: string | Buffer): void {
    void this.#opened.then(
      () => this.#socket.send(data),
      () => {},
    );
  }

  /** The next message; of what comes by itself only that which `skip` lets through. */
  async next(skip?: string): Promise<string | Buffer> {
    for (;;) {
      await this.#until(() => this.#messages.length > 0 || this.#closed);
      const message = this.#messages.shift();
      if (message === undefined) throw new Error("the WebSocket was closed");
      if (message !== skip) return message;
    }
  }

  async handshake(): Promise<Handshake> {
    const message = String(await this.next());
    if (!message.startsWith("0")) throw new Error(`not a handshake: ${message}`);
    return JSON.parse(message.slice(1));
  }

  /** Resolves when the server has closed it, or never opened it. */
  async closed(): Promise<void> {
    await this.#until(() => this.#closed);
  }

  close(): void {
    this.#socket.close();
  }

  async #until(holds: () => boolean): Promise<void> {
    const waiting = (async () => {
      while (!holds()) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    })();
    await within(waiting, ANSWER_MS, "something on a WebSocket", () => this.#messages);
  }
}
