// Issue 5, criterion 2: 200 clients, 200 messages a second to all of them, kill -9 of a worker twice in a row. The clients
// are bare frames: 40,000 deliveries a second are more than as many of Socket.IO's own can take in one process.
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { RecoveringClient } from "../../bench/client/recovering-client.js";
import { ownerOf } from "../../src/protocol/session-id.js";
import { onCleanup } from "../flow/support/cleanup.js";
import { eventually } from "../flow/support/eventually.js";
import { type Holdfast, startHoldfast } from "../flow/support/holdfast.js";
import { upTo } from "../flow/support/recovery.js";

const CLIENTS = 200;
const WORKERS = 4;
const PER_SECOND = 200;
const BETWEEN_MS = 5_000;
/** The client's own, as Socket.IO's default begins. */
const RECONNECT_DELAY_MS = { from: 500, to: 1_500 };
const BACK_WITHIN_MS = 2_000;

test("killed twice in a row, a worker costs none of 200 clients anything", { timeout: 180_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: WORKERS });
  const members: Member[] = [];
  for (let i = 0; i < CLIENTS; i++) members.push(await Member.join(host, i));
  const ids = members.map(({ id }) => id);
  const talk = startTalk(members.find(({ slot }) => slot === WORKERS - 1) as Member);
  for (const slot of [0, 1]) {
    await pause(BETWEEN_MS);
    const victims = members.filter((member) => member.slot === slot);
    expect(victims.length).toBeGreaterThan(CLIENTS / WORKERS / 2);
    process.kill((await host.worker(slot)).pid, "SIGKILL");
    await eventually(
      async () => members.reduce((sum, { waits }) => sum + waits.length, 0),
      (returns) => returns >= talk.returns + victims.length,
      { what: `${victims.length} clients are back`, withinMs: 30_000 },
    );
    talk.returns += victims.length;
    await host.worker(slot);
  }
  const sent = talk.stop();
  const missing = async () => members.filter(({ said }) => said.length < sent).length;
  await eventually(missing, (count) => count === 0, { what: "everybody has everything", withinMs: 60_000 });
  for (const { said } of members) expect(said).toEqual(upTo(sent));
  expect(members.map(({ id }) => id)).toEqual(ids);
  expect(members.flatMap(({ strange }) => strange)).toEqual([]);
  // Only the victims had to come back.
  const waits = members.flatMap((member) => member.waits);
  expect(waits).toHaveLength(talk.returns);
  const slowestMs = Math.round(Math.max(...waits));
  console.log(`${sent} messages to ${CLIENTS} clients, ${waits.length} of them cut off; the slowest was back ${slowestMs} ms
    after its own delay, ${Math.round(waits.reduce((sum, ms) => sum + ms, 0) / waits.length)} ms on average`);
  expect(slowestMs).toBeLessThan(BACK_WITHIN_MS);
});

interface Greeting {
  readonly recovered: boolean;
  readonly rooms: readonly string[];
  readonly data: { readonly name?: number };
}

class Member {
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

/** What is due by the clock; `stop` says how many there were. */
function startTalk({ connection }: Member): { returns: number; stop(): number } {
  let sent = 0;
  const startedAtMs = performance.now();
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startedAtMs) * PER_SECOND) / 1_000; sent < due; sent++) {
      connection.emit("say", "everybody", sent);
    }
  }, 5);
  const stop = () => {
    clearInterval(timer);
    return sent;
  };
  return { returns: 0, stop };
}
