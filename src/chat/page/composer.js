/**
 * The box in which a message is written: Enter sends, Shift and Enter make a new line. While there is no connection it
 * keeps what was written and sends nothing.
 */

export class Composer {
  #form;
  #text;
  #buttons;
  #enabled = false;

  /** Called with the text of a message to send. */
  onSend = () => {};

  constructor(form, text, buttons) {
    this.#form = form;
    this.#text = text;
    this.#buttons = buttons;
    this.enable(false);
    text.addEventListener("keydown", (event) => this.#key(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  enable(enabled) {
    this.#enabled = enabled;
    for (const button of this.#buttons) button.disabled = !enabled;
  }

  focus() {
    this.#text.focus();
  }

  /** Gives back a text that was not sent, unless another has been begun. */
  restore(text) {
    if (this.#text.value === "") this.#text.value = text;
  }

  #key(event) {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #submit() {
    const text = this.#text.value.trim();
    if (!this.#enabled || text === "") return;
    this.#text.value = "";
    this.focus();
    this.onSend(text);
  }
}
