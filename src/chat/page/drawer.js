/**
 * On a phone the panel comes in over the messages: opened by a button, closed by its own, by Escape or a touch beside it.
 * While it is open nothing behind it can be reached, and the focus goes back to where it came from.
 */

export class Drawer {
  #panel;
  #behind;
  #opener;
  #cameFrom;

  constructor({ panel, behind, opener, closer }) {
    this.#panel = panel;
    this.#behind = behind;
    this.#opener = opener;
    opener.addEventListener("click", () => this.open());
    closer.addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    document.addEventListener("pointerdown", (event) => {
      if (this.isOpen && !panel.contains(event.target)) this.close();
    });
    // A window that grew wide shows the panel beside the messages, which must not stay out of reach.
    this.#narrow.addEventListener("change", () => this.close());
  }

  #narrow = matchMedia("(max-width: 48rem)");

  get isOpen() {
    return this.#panel.classList.contains("open");
  }

  /** Brings the panel to where it can be used; where there is room for it, it already is. */
  open() {
    if (!this.#narrow.matches || this.isOpen) return;
    this.#cameFrom = document.activeElement;
    this.#set(true);
    this.#panel.querySelector("button, input").focus();
  }

  close() {
    if (!this.isOpen) return;
    this.#set(false);
    this.#cameFrom?.focus();
  }

  #set(open) {
    this.#panel.classList.toggle("open", open);
    this.#opener.setAttribute("aria-expanded", String(open));
    for (const element of this.#behind) element.inert = open;
  }
}
