/**
 * The chat's page in a real browser, used as people use it and read as they read it. It also keeps what went by: each
 * state the page has shown, and whatever a browser holds against a page (errors, violations of its policy, requests to
 * anybody else).
 */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import type { Server } from "./client.js";

const WAIT_MS = 10_000;
const PLACEMENT_TRIES = 20;

export interface ChatPageOptions {
  readonly name: string;
  readonly context?: BrowserContextOptions;
  /** `polling` gives the page a browser in which no WebSocket can be made. */
  readonly transport?: "websocket" | "polling";
}

/** What the page says of the worker that serves it. */
export interface ShownWorker {
  readonly slot: number;
  readonly pid: number;
  readonly host: string;
  readonly generation: number;
}

/** A page that is connected and knows its worker, in a browser profile of its own. It is gone when the browser is. */
export async function openChatPage(browser: Browser, server: Server, options: ChatPageOptions): Promise<ChatPage> {
  const { name, transport = "websocket" } = options;
  const context = await browser.newContext(options.context);
  context.setDefaultTimeout(WAIT_MS);
  await context.addInitScript(recordStates);
  if (transport === "polling") await context.addInitScript(forbidWebSockets);
  const chat = new ChatPage(await context.newPage(), server);
  await chat.page.goto(server.url);
  await chat.untilServed(transport);
  await chat.call(name);
  return chat;
}

/** A page whose session is in another worker than those of `others`. */
export async function openChatPageApart(
  browser: Browser,
  server: Server,
  others: readonly ChatPage[],
  options: ChatPageOptions,
): Promise<ChatPage> {
  const taken = await Promise.all(others.map(async (other) => (await other.worker()).slot));
  const misses: BrowserContext[] = [];
  for (let tries = 0; tries < PLACEMENT_TRIES; tries++) {
    const chat = await openChatPage(browser, server, options);
    if (!taken.includes((await chat.worker()).slot)) {
      await Promise.all(misses.map((context) => context.close()));
      return chat;
    }
    // It stays open meanwhile: a balancer that counts would give the same worker again.
    misses.push(chat.page.context());
  }
  throw new Error(`none of ${PLACEMENT_TRIES} pages was placed on another slot than ${taken}`);
}

export class ChatPage {
  readonly page: Page;
  /** Console errors and warnings, exceptions, and requests to others than the server: `[]` is what a test wants. */
  readonly problems: string[] = [];
  /** WebSockets that were open and have closed. */
  closedWebSockets = 0;
  readonly #server: Server;

  constructor(page: Page, server: Server) {
    this.page = page;
    this.#server = server;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.problems.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.problems.push(`exception: ${error}`));
    page.on("request", (request) => this.#judge(request.url()));
    page.on("websocket", (socket) => {
      this.#judge(socket.url());
      socket.on("close", () => this.closedWebSockets++);
    });
  }

  /** Resolves when the page is connected over its last transport, and says who serves it. */
  async untilServed(transport = "websocket"): Promise<void> {
    await this.page.locator("#state", { hasText: `Connected over ${transport}` }).waitFor();
    await this.page.locator("#served", { hasText: "Served by" }).waitFor();
  }

  async worker(): Promise<ShownWorker> {
    const text = await this.page.locator("#served").innerText();
    const [, slot, pid, host = "", generation] =
      /^Served by worker (\d+) \(pid (\d+)\) on host (\S+), generation (\d+)$/.exec(text) ?? [];
    if (slot === undefined) throw new Error(`the page does not say who serves it: ${text}`);
    return { slot: Number(slot), pid: Number(pid), host, generation: Number(generation) };
  }

  /** The states shown so far, in order. */
  states(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as { shownStates: string[] }).shownStates);
  }

  async untilState(state: string): Promise<void> {
    await this.page.locator(`#state[data-state=${state}]`).waitFor();
  }

  /** Not typed, for on a phone the field is out of sight until the panel is opened. */
  async call(name: string): Promise<void> {
    await this.page.locator("#name").evaluate((input: HTMLInputElement, value) => {
      input.value = value;
      input.dispatchEvent(new Event("input"));
    }, name);
  }

  async say(text: string): Promise<void> {
    await this.page.getByRole("textbox", { name: "Message" }).fill(text);
    await this.page.keyboard.press("Enter");
  }

  async join(room: string): Promise<void> {
    await this.page.getByLabel("Join a room").fill(room);
    await this.page.getByRole("button", { name: "Join", exact: true }).click();
    await this.untilNote(`You joined #${room}`);
  }

  /** Chooses to whom the next message goes: a room's name with its #, or Everybody. */
  async writeTo(audience: string): Promise<void> {
    await this.page.getByRole("radio", { name: audience }).check();
  }

  async untilMessage(text: string): Promise<void> {
    await this.page.locator("#log .message .text").getByText(text, { exact: true }).first().waitFor();
  }

  async untilNote(text: string): Promise<void> {
    await this.page.locator("#log .note").getByText(text).first().waitFor();
  }

  async untilPeople(count: number): Promise<void> {
    const text = count === 1 ? "1 person here" : `${count} people here`;
    await this.page.locator("#people").getByText(text, { exact: true }).waitFor();
  }

  /** All messages shown, as `SENDER #room: text`. */
  messages(): Promise<string[]> {
    return this.page.locator("#log .message").evaluateAll((messages) => {
      const text = (message: Element, selector: string) => message.querySelector(selector)?.textContent ?? "";
      return messages.map((message) =>
        [text(message, ".sender"), text(message, ".tag"), text(message, ".text")]
          .filter((part) => part !== "")
          .join(" "),
      );
    });
  }

  notes(): Promise<string[]> {
    return this.page.locator("#log .note").allTextContents();
  }

  #judge(url: string): void {
    const { host } = new URL(this.#server.url);
    if (new URL(url).host !== host) this.problems.push(`request: ${url}`);
  }
}

/** Runs in the page. A state that is there only for a moment is seen too. */
function recordStates(): void {
  const shown: string[] = [];
  Object.assign(window, { shownStates: shown });
  new MutationObserver(() => {
    const state = document.getElementById("state")?.dataset.state;
    if (state !== undefined && state !== shown.at(-1)) shown.push(state);
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-state"] });
}

/** Runs in the page. */
function forbidWebSockets(): void {
  Object.assign(window, {
    WebSocket: class {
      constructor() {
        throw new Error("there are no WebSockets here");
      }
    },
  });
}
