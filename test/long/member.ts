/**
 * One of many clients of the fixture recovery.mjs, as bare frames: it comes back by itself, and notes what it hears, how long
 * it took to be back, and whatever is not as it was before.
 */
import { setTimeout as pause } from "node:timers/promises";
import { RecoveringClient } from "../../bench/client/recovering-client.js";
import { ownerOf } from "../../src/protocol/session-id.js";
import { onCleanup } from "../flow/support/cleanup.js";
import type { Holdfast } from "../flow/support/holdfast.js";

/** The client's own, as Socket.IO's default begins. */
const RECONNECT_DELAY_MS = { from: 500, to: 1_500 };

interface Greeting {
  readonly recovered: boolean;
  readonly rooms: readonly string[];
  readonly data: { readonly name?: number };
}

export class Member {
  readonly said: number[] = [];
  /** From the end of its own delay until it was greeted, for each return. */
  readonly waits: number[] = [];
  /** Greetings that are not as they should be. */
  readonly strange: Greeting[] = [];
  readonly connection: RecoveringClient;
  readonly #name: number;
  #isOver = false;

  static async join(host: Holdfast, name: number): Promise<Member> {
    const member = new Member(host, name);
    await member.connection.connect("hello");
    member.connection.onEvent = (event, [first]) => member.#onEvent(event, first);
    member.connection.onLost = () => void member.#return();
    await member.connection.request("join", ["everybody"]);
    await member.connection.request("set", { name });
    return member;
  }

  private constructor(host: Holdfast, name: number) {
    this.#name = name;
    this.connection = new RecoveringClient(host.url);
    onCleanup(() => {
      this.#isOver = true;
      this.connection.cut();
    });
  }

  get id(): string {
    return this.connection.id;
  }

  get slot(): number | undefined {
    return ownerOf(this.connection.sessionId)?.slot;
  }

  async #return(): Promise<void> {
    if (this.#isOver) return;
    await pause(RECONNECT_DELAY_MS.from + Math.random() * (RECONNECT_DELAY_MS.to - RECONNECT_DELAY_MS.from));
    const startedAtMs = performance.now();
    while (!this.#isOver && !(await this.connection.connect("hello"))) await pause(RECONNECT_DELAY_MS.from);
    this.waits.push(performance.now() - startedAtMs);
  }

  #onEvent(event: string, first: unknown): void {
    if (event === "said") this.said.push(first as number);
    if (event !== "hello") return;
    const greeting = first as Greeting;
    const isAsBefore = greeting.recovered && greeting.data.name === this.#name && greeting.rooms.includes("everybody");
    if (!isAsBefore) this.strange.push(greeting);
  }
}

/** Has a member say to everybody what is due by the clock; `stop` says how many events there were. */
export function startTalk({ connection }: Member, perSecond: number): { stop(): number } {
  let sent = 0;
  const startedAtMs = performance.now();
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startedAtMs) * perSecond) / 1_000; sent < due; sent++) {
      connection.emit("say", "everybody", sent);
    }
  }, 5);
  const stop = () => {
    clearInterval(timer);
    return sent;
  };
  return { stop };
}
