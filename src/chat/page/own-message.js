/**
 * The contract's `receive-message` does not say who sent it but by name, and names are not unique: this remembers what the
 * page itself has sent and not yet seen come back, so that its own messages can be told from those of a namesake.
 */

const MAX_PENDING = 50;

export class OwnMessages {
  #pending = [];

  add(message) {
    this.#pending.push(keyOf(message));
    if (this.#pending.length > MAX_PENDING) this.#pending.shift();
  }

  /** Whether such a message was pending; it no longer is. */
  take(message) {
    const at = this.#pending.indexOf(keyOf(message));
    if (at === -1) return false;
    this.#pending.splice(at, 1);
    return true;
  }
}

/** The worker writes senders in upper case. */
function keyOf({ username, text_message, to }) {
  return JSON.stringify([username?.toUpperCase() ?? null, text_message, to ?? null]);
}
