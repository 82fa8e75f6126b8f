/**
 * What the primary tells this worker over its link, and who acts on it. A worker that has nothing to drain yet ends when
 * it is told to.
 */
import type { DrainOrder, KnownHosts, PrimaryMessage, TlsMaterial } from "../protocol/control.js";

export class Orders {
  onDrain: (order: DrainOrder) => void = () => process.exit(0);
  onTicketKeys: (ticketKeys: string) => void = () => {};
  onHosts: (known: KnownHosts) => void = () => {};
  /** Where TLS is spoken: resolved as soon as the primary has told it, which it does first. */
  readonly tls: Promise<TlsMaterial>;
  #resolveTls: (material: TlsMaterial) => void = () => {};

  constructor() {
    this.tls = new Promise((resolve) => {
      this.#resolveTls = resolve;
    });
  }

  obey(message: PrimaryMessage): void {
    switch (message.type) {
      case "drain":
        return this.onDrain(message);
      case "tls":
        return this.#resolveTls(message);
      case "ticket-keys":
        return this.onTicketKeys(message.ticketKeys);
      case "hosts":
        return this.onHosts(message);
      default:
        return message satisfies never;
    }
  }
}
