/**
 * One Socket.IO client as bare frames on a WebSocket: Engine.IO 4 and Socket.IO 5 without the library, because the
 * client shares the machine with what is measured. Knows the bench app's `hello` and `tick` events, the chat's
 * `send-message` and `receive-message`, and nothing else.
 */
import { WebSocket } from "ws";
import { CONNECT, ENGINE_PING, ENGINE_PONG, HELLO } from "./frames.js";
import { monotonicUs } from "./latency-record.js";

const ENGINE_OPEN = "0";
const TICK = '42["tick",';
const ACK = "43";
const CONNECTED = "40{";
const SPOKEN = '42["receive-message",';
const SPOKEN_TIME = /"text_message":"(\d+) /;

export class ConnectFailed extends Error {
  override readonly name = "ConnectFailed";
}

export interface RawClient {
  /** The worker that serves it. */
  readonly slot: number;
  /** Called with the time at which a `tick` was emitted, in µs of CLOCK_MONOTONIC. */
  onTick: (emittedUs: number) => void;
  emit(...event: unknown[]): void;
  /** Sends the chat a message that tells when it was sent. */
  say(textBytes: number): void;
  /** Resolves when the server has called the acknowledgement. */
  request(...event: unknown[]): Promise<void>;
  close(): Promise<void>;
}

export interface RawOptions {
  /** The server is the chat, which says no `hello`; the client comes from the loopback address of this number. */
  readonly chatAddress?: number;
}

/** Connects and resolves at the app's `hello`; rejects with ConnectFailed when that does not come in time. */
export function connectRaw(url: string, withinMs: number, { chatAddress }: RawOptions = {}): Promise<RawClient> {
  const socket = openWebSocket(url, chatAddress);
  const greeting = chatAddress === undefined ? HELLO : CONNECTED;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(`no Socket.IO connection within ${withinMs} ms`), withinMs);
    const fail = (why: string) => {
      clearTimeout(timer);
      socket.terminate();
      reject(new ConnectFailed(why));
    };
    socket.on("error", (error) => fail(error.message));
    socket.on("message", function greet(data: Buffer) {
      const text = data.toString("latin1");
      if (text.startsWith(ENGINE_OPEN)) socket.send(CONNECT);
      if (!text.startsWith(greeting)) return;
      clearTimeout(timer);
      socket.off("message", greet);
      const slot = chatAddress === undefined ? Number.parseInt(text.slice(HELLO.length), 10) : 0;
      resolve(connected(socket, slot));
    });
  });
}

function openWebSocket(url: string, address: number | undefined): WebSocket {
  const target = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
  const from = address === undefined ? {} : { localAddress: `127.0.${1 + (address >> 8)}.${address & 255}` };
  // Of TLS the certificate is the bench's own.
  return new WebSocket(target, {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    rejectUnauthorized: false,
    ...from,
  });
}

function connected(socket: WebSocket, slot: number): RawClient {
  let acknowledged = () => {};
  const client: RawClient = {
    slot,
    onTick: () => {},
    emit: (...event) => socket.send(`42${JSON.stringify(event)}`),
    say: (textBytes) => {
      const text_message = `${monotonicUs()} ${"x".repeat(textBytes)}`;
      client.emit("send-message", { username: "alice", text_message });
    },
    request: (...event) =>
      new Promise((resolve) => {
        acknowledged = resolve;
        socket.send(`420${JSON.stringify(event)}`);
      }),
    close: () => closed(socket),
  };
  socket.on("message", (data: Buffer) => {
    const head = data.toString("latin1", 0, 32);
    if (head.startsWith(TICK)) client.onTick(Number.parseInt(head.slice(TICK.length), 10));
    else if (head.startsWith(SPOKEN)) client.onTick(Number(SPOKEN_TIME.exec(data.toString("latin1"))?.[1]));
    else if (head === ENGINE_PING) socket.send(ENGINE_PONG);
    else if (head.startsWith(ACK)) acknowledged();
  });
  return client;
}

function closed(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState === WebSocket.CLOSED) return resolve();
    socket.once("close", () => resolve());
    socket.close();
  });
}
