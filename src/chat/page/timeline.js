/**
 * The list of messages and notes. It writes text only, never markup, keeps a bounded number of entries, and follows the
 * newest one as long as the reader is at the end.
 */

const MAX_ENTRIES = 500;
const MAX_TEXT_LENGTH = 4000;
const MAX_NAME_LENGTH = 60;
const AT_END_PX = 80;
const GROUP_WITHIN_MS = 120_000;
const TONES = 8;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class Timeline {
  #log;
  #latest;
  #group;

  constructor(log, latest) {
    this.#log = log;
    this.#latest = latest;
    latest.addEventListener("click", () => {
      this.#toEnd();
      log.focus();
    });
    log.addEventListener("scroll", () => {
      if (this.#atEnd()) latest.hidden = true;
    });
    // A keyboard that opens on a phone, or a rotation, must not move the newest message out of sight.
    new ResizeObserver(() => {
      if (latest.hidden) this.#toEnd();
    }).observe(log);
  }

  /** A line of the page's own; `tone` "warn" for what somebody should notice. */
  note(text, tone = "plain") {
    const note = element("p", "note", text);
    note.dataset.tone = tone;
    this.#group = undefined;
    this.#append(note, false);
  }

  message({ sender, text, room, own }) {
    const entry = element("article", own ? "message own" : "message");
    if (this.#follows({ sender, room, own })) entry.classList.add("follows");
    entry.append(avatar(sender), meta(sender, room, own), paragraph(text));
    this.#append(entry, own);
  }

  /** Whether this message goes on from the one before, so that its sender need not be told again. */
  #follows({ sender, room, own }) {
    const key = JSON.stringify([sender, room ?? null, own]);
    const nowMs = performance.now();
    if (key === this.#group?.key && nowMs - this.#group.sinceMs < GROUP_WITHIN_MS) return true;
    this.#group = { key, sinceMs: nowMs };
    return false;
  }

  #append(entry, follow) {
    const stay = follow || this.#atEnd();
    this.#log.append(entry);
    this.#trim();
    if (stay) this.#toEnd();
    else this.#latest.hidden = false;
  }

  /** The one that is first now may have relied on the one before to tell its sender. */
  #trim() {
    while (this.#log.childElementCount > MAX_ENTRIES) this.#log.firstElementChild.remove();
    this.#log.firstElementChild.classList.remove("follows");
  }

  #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < AT_END_PX;
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#latest.hidden = true;
  }
}

/** What another client sent may be anything: shown as text, and not at any length. */
export function shown(value, maxLength) {
  const text = typeof value === "string" ? value : "";
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
}

export function shownName(value) {
  return shown(value, MAX_NAME_LENGTH).trim() || "Somebody";
}

function meta(sender, room, own) {
  const line = element("p", "meta");
  line.append(element("bdi", "sender", shownName(sender)));
  if (own) line.append(element("span", "", "you"));
  if (room !== undefined) line.append(element("bdi", "tag", `#${shownName(room)}`));
  const now = new Date();
  const time = element("time", "", clock.format(now));
  time.dateTime = now.toISOString();
  line.append(time);
  return line;
}

function paragraph(text) {
  const line = element("p", "text", shown(text, MAX_TEXT_LENGTH));
  line.dir = "auto";
  return line;
}

function avatar(sender) {
  const name = shownName(sender);
  const initial = String.fromCodePoint(name.codePointAt(0)).toUpperCase();
  const disc = element("span", `avatar tone-${toneOf(name)}`, initial);
  disc.setAttribute("aria-hidden", "true");
  return disc;
}

function toneOf(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  return hash % TONES;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}
