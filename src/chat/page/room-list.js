/**
 * The rooms this page is in, and which of them, or everybody, is written to: a list of radio buttons, so that arrow keys
 * choose. Knows nothing of the connection; who uses it hears of a wish to leave and of a new choice.
 */

export class RoomList {
  #list;
  #rooms = new Set();

  /** Called with a room's name. */
  onLeave = () => {};
  /** Called when another room, or everybody, is to be written to. */
  onChoose = () => {};

  constructor(list) {
    this.#list = list;
    list.append(entry("everybody", "Everybody"));
    list.querySelector("input").checked = true;
    list.addEventListener("change", () => this.onChoose());
  }

  get names() {
    return [...this.#rooms];
  }

  /** The room written to, or undefined for everybody. */
  get chosen() {
    return this.#list.querySelector("input:checked").closest("li").dataset.room;
  }

  has(room) {
    return this.#rooms.has(room);
  }

  add(room) {
    if (this.#rooms.has(room)) return;
    this.#rooms.add(room);
    const item = entry(room, `#${room}`);
    item.dataset.room = room;
    item.append(leaveButton(room, () => this.onLeave(room)));
    this.#list.append(item);
  }

  choose(room) {
    this.#item(room).querySelector("input").checked = true;
    this.onChoose();
  }

  remove(room) {
    if (!this.#rooms.delete(room)) return;
    const item = this.#item(room);
    const wasChosen = this.chosen === room;
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    if (wasChosen) this.choose(undefined);
    if (hadFocus) this.focus();
  }

  focus() {
    this.#list.querySelector("input:checked").focus();
  }

  #item(room) {
    return [...this.#list.children].find((item) => item.dataset.room === room);
  }
}

function entry(value, text) {
  const item = document.createElement("li");
  const label = document.createElement("label");
  const radio = document.createElement("input");
  const name = document.createElement("bdi");
  radio.type = "radio";
  radio.name = "to";
  radio.value = value;
  name.textContent = text;
  label.append(radio, name);
  item.append(label);
  return item;
}

function leaveButton(room, leave) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Leave";
  button.setAttribute("aria-label", `Leave ${room}`);
  button.addEventListener("click", leave);
  return button;
}
