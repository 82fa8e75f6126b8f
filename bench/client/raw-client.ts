/**
 * One Socket.IO client as bare frames on a WebSocket: Engine.IO 4 and Socket.IO 5 without the library, because the
 * client shares the machine with what is measured. Knows the bench app's `hello` and `tick` events, and nothing else.
 */
import { WebSocket } from "ws";

const ENGINE_OPEN = "0";
const ENGINE_PING = "2";
const ENGINE_PONG = "3";
const CONNECT = "40";
const HELLO = '42["hello",';
const TICK = '42["tick",';
const ACK = "43";

export class ConnectFailed extends Error {
  override readonly name = "ConnectFailed";
}

export interface RawClient {
  /** The worker that serves it. */
  readonly slot: number;
  /** Called with the time at which a `tick` was emitted, in µs of CLOCK_MONOTONIC. */
  onTick: (emittedUs: number) => void;
  emit(...event: unknown[]): void;
  /** Resolves when the server has called the acknowledgement. */
  request(...event: unknown[]): Promise<void>;
  close(): Promise<void>;
}

/** Connects and resolves at the app's `hello`; rejects with ConnectFailed when that does not come in time. */
export function connectRaw(url: string, withinMs: number): Promise<RawClient> {
  const socket = openWebSocket(url);
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
      if (!text.startsWith(HELLO)) return;
      clearTimeout(timer);
      socket.off("message", greet);
      resolve(connected(socket, Number.parseInt(text.slice(HELLO.length), 10)));
    });
  });
}

function openWebSocket(url: string): WebSocket {
  const address = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
  return new WebSocket(address, { perMessageDeflate: false, skipUTF8Validation: true });
}

function connected(socket: WebSocket, slot: number): RawClient {
  let acknowledged = () => {};
  const client: RawClient = {
    slot,
    onTick: () => {},
    emit: (...event) => socket.send(`42${JSON.stringify(event)}`),
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
