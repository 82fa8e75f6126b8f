/**
 * Bounds what waits in a worker for a client that does not read. Runs where packets are about to be flushed
 * (client-gate.ts), and does nothing there while the client's transport takes more, so those who read cost nothing.
 * Volatile events never come here: Socket.IO drops them as soon as the transport takes no more.
 */

export interface WaitingPacket {
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
  readonly data?: unknown;
}

/** What is used of Engine.IO's Socket. */
export interface SlowClient {
  writeBuffer: WaitingPacket[];
  readonly transport: { readonly writable: boolean; readonly socket?: object };
  /** Private: the one way to give a reason. */
  onClose(reason: string): void;
}

interface Measured {
  packets: number;
  bytes: number;
  /** Of the largest packet. */
  largest: number;
}

const SLOW_CONSUMER = "slow consumer";
/** Of the packet itself, so that a million empty ones count as well. */
const PACKET_BYTES = 128;

export class ClientBuffers {
  readonly #maxBytes: number;
  readonly #onSlow: () => void;
  /** Engine.IO takes a new array for what comes after a flush, so what is measured belongs to the array. */
  readonly #measured = new WeakMap<readonly WaitingPacket[], Measured>();
  readonly #doomed = new WeakSet<SlowClient>();

  constructor(maxBytes: number, onSlow: () => void) {
    this.#maxBytes = maxBytes;
    this.#onSlow = onSlow;
  }

  /** To be asked when packets were added that the transport does not take. True: too many wait, and the client goes. */
  isPast(client: SlowClient): boolean {
    const { writeBuffer } = client;
    if (!this.#doomed.has(client) && this.#measure(writeBuffer) <= this.#maxBytes) return false;
    // A loop of the app's may go on emitting before the close below has its turn.
    writeBuffer.length = 0;
    if (!this.#doomed.has(client)) this.#doom(client);
    return true;
  }

  #measure(packets: readonly WaitingPacket[]): number {
    const measured = this.#measured.get(packets) ?? { packets: 0, bytes: 0, largest: 0 };
    if (measured.packets === 0) this.#measured.set(packets, measured);
    while (measured.packets < packets.length) {
      const bytes = sizeOf(packets[measured.packets++] as WaitingPacket);
      measured.bytes += bytes;
      measured.largest = Math.max(measured.largest, bytes);
    }
    // One packet larger than the bound passes: the attachment of a binary event waits behind the event itself, and a client
    // that reads as fast as it can is not slow for that.
    return measured.bytes - measured.largest;
  }

  /** Not at once: the app is in the middle of an emit, and would hear of the disconnect within it. */
  #doom(client: SlowClient): void {
    this.#doomed.add(client);
    this.#onSlow();
    process.nextTick(() => {
      const { socket } = client.transport as { readonly socket?: { terminate?(): void } };
      client.onClose(SLOW_CONSUMER);
      // A close frame would wait behind what the client does not read.
      socket?.terminate?.();
    });
  }
}

function sizeOf({ options, data }: WaitingPacket): number {
  const frame = options?.wsPreEncodedFrame;
  if (frame) return frame.reduce((sum, { length }) => sum + length, PACKET_BYTES);
  if (typeof data === "string") return PACKET_BYTES + data.length;
  return PACKET_BYTES + (ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? data.byteLength : 0);
}
