/**
 * Clients that take WebSocket frames as they are, ready made: those on a plain WebSocket. Runs in a worker; with
 * client-gate.ts it is what knows the inside of Engine.IO. Whoever is no such client is served by Socket.IO's and
 * Engine.IO's own ways, and so is whoever an app has an eye on: nobody can tell the difference.
 */
import type { Socket as TcpSocket } from "node:net";
import type { Socket } from "socket.io";

interface FrameOptions {
  readonly wsPreEncodedFrame?: readonly Buffer[];
  readonly compress?: boolean | undefined;
}

interface Packet {
  readonly type: string;
  readonly options?: FrameOptions;
  readonly data?: unknown;
}

interface Listened {
  listenerCount(event: string): number;
}

/** What is used of Engine.IO's Transport. */
interface Transport {
  writable: boolean;
  /** Of WebSocket transports: the ws socket, and that has the TCP socket. */
  readonly socket?: { readonly _socket?: TcpSocket | null };
  /** Of WebSocket transports; false with a compressing client, or a WebSocket engine of the app's choice. */
  _canSendPreEncodedFrame?(packet: Packet): boolean;
  /** What such a transport does once a write is done, or has failed. */
  _onSentLast(error?: Error | null): void;
}

/** What is used of Engine.IO's Socket. */
export interface EngineClient extends Listened {
  writeBuffer: Packet[];
  readonly readyState: string;
  /** Whom to call once what waits has been sent. */
  readonly packetsFn: readonly unknown[];
  readonly transport: Transport;
  readonly server: Listened;
  write(data: string, options: FrameOptions): void;
  flush(): void;
  /** Private: the one way to give a reason. */
  onClose(reason: string): void;
}

const ANY_FRAME: Packet = { type: "message", options: { wsPreEncodedFrame: [] } };

/** Whether frames may be put in place of the packets of events. */
export function takesFrames(socket: Socket): boolean {
  const client = clientOf(socket);
  const { _anyOutgoingListeners: listeners } = socket as unknown as { _anyOutgoingListeners?: readonly unknown[] };
  return isPlain(client.transport) && client.listenerCount("packetCreate") === 0 && !listeners?.length;
}

/** As Socket.IO's `writeToEngine` does with one event. */
export function sendFrames(socket: Socket, options: FrameOptions, volatile: boolean): void {
  const client = clientOf(socket);
  if (!volatile || client.transport.writable) client.write("", options);
}

/**
 * Writes what waits for a client that is writable, if all of it is frames; false where it is not. Engine.IO's flush does
 * the same by way of eight events and as many layers.
 */
export function writeFrames(client: EngineClient): boolean {
  const tcp = tcpOf(client);
  const frames = tcp && !isObserved(client) ? framesOf(client) : undefined;
  if (!tcp || !frames) return false;
  const { transport } = client;
  client.writeBuffer = [];
  transport.writable = false;
  tcp.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames), (error) => {
    if (error) return transport._onSentLast(error);
    transport.writable = true;
    if (client.writeBuffer.length > 0) client.flush();
  });
  return true;
}

export function tcpOf({ transport }: EngineClient): TcpSocket | undefined {
  return transport.socket?._socket ?? undefined;
}

/** Somebody waits for what a flush tells, be it Engine.IO itself, which closes a client after it. */
function isObserved(client: EngineClient): boolean {
  const { server } = client;
  return (
    client.readyState !== "open" ||
    client.packetsFn.length > 0 ||
    client.listenerCount("drain") + client.listenerCount("flush") > 0 ||
    server.listenerCount("drain") + server.listenerCount("flush") > 0
  );
}

/** Undefined where a packet has not been made into a frame; broadcasts have. */
function framesOf({ writeBuffer, transport }: EngineClient): Buffer[] | undefined {
  if (writeBuffer.length === 0 || !isPlain(transport)) return undefined;
  const frames: Buffer[] = [];
  for (const { options } of writeBuffer) {
    if (!options?.wsPreEncodedFrame) return undefined;
    frames.push(...options.wsPreEncodedFrame);
  }
  return frames;
}

function isPlain(transport: Transport): boolean {
  return transport._canSendPreEncodedFrame?.(ANY_FRAME) === true;
}

function clientOf(socket: Socket): EngineClient {
  return socket.conn as unknown as EngineClient;
}
