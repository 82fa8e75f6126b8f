import { decode } from "notepack.io";
import type { Socket as Client } from "socket.io-client";
import { expect, test } from "vitest";
import { type Bus, collect, ioOf, startTwo, type Two } from "./hosts.js";

const BURST = 10;
const IS_RUN = 0x92;

test("a burst crosses as one message, and each client gets each event once, in order", async () => {
  const two = await startTwo({});
  const talk = talkOf(two);
  await talk.untilWhole();
  const before = two.bus.published.length;
  await talk.burst();
  expect(two.bus.published.slice(before).map(kindOf)).toEqual(["run"]);
  await talk.concludes();
});

test("so it does where hosts share a secret", async () => {
  const two = await startTwo({ secret: "s3cret" });
  const talk = talkOf(two);
  await talk.untilWhole();
  await talk.burst();
  await talk.concludes();
});

test("where another server is, its events cross one by one", async () => {
  const two = await startTwo({});
  two.bus.strangers = 1;
  const talk = talkOf(two);
  for (let i = 0; i < 5; i++) await talk.burst();
  expect(heardByStrangers(two.bus)).toEqual(talk.sent);
  expect(two.bus.published.map(kindOf)).not.toContain("run");
  await talk.concludes();
});

test("a server that has just come gets each event once, and so does everybody else", async () => {
  const two = await startTwo({});
  const talk = talkOf(two);
  await talk.untilWhole();
  two.bus.strangers = 1;
  const before = two.bus.published.length;
  const sentBefore = talk.sent.length;
  for (let i = 0; i < 3; i++) await talk.burst();
  const since = two.bus.published.slice(before).map(kindOf);
  expect(since.filter((kind) => kind === "run")).toHaveLength(1);
  await talk.concludes();
  expect(heardByStrangers(two.bus, before)).toEqual(talk.sent.slice(sentBefore));
});

test("what Redis cannot take at once goes one by one, and reaches everybody once", async () => {
  const two = await startTwo({});
  const talk = talkOf(two);
  await talk.untilWhole();
  two.bus.behind = true;
  const before = two.bus.published.length;
  const sentBefore = talk.sent.length;
  await talk.burst();
  two.bus.behind = false;
  await talk.burst();
  expect(heardByStrangers(two.bus, before)).toEqual(talk.sent.slice(sentBefore));
  await talk.concludes();
});

interface Talk {
  readonly sent: number[];
  /** Resolves when each client has had the last of it. */
  burst(): Promise<void>;
  untilWhole(): Promise<void>;
  /** Each client has had all, in order and once. */
  concludes(): Promise<void>;
}

function talkOf({ bus, hosts, clients }: Two): Talk {
  const heard = clients.map((client: Client) => collect(client, "news"));
  const sent: number[] = [];
  const emit = (events: number) => {
    for (let i = 0; i < events; i++) {
      sent.push(sent.length);
      ioOf(hosts[0]).emit("news", sent.length - 1);
    }
  };
  const arrived = async () => {
    await expect.poll(() => heard.map((events) => events.at(-1))).toEqual(clients.map(() => [sent.at(-1)]));
  };
  const burst = async () => {
    emit(BURST);
    await arrived();
  };
  const untilWhole = async () => {
    const crossedAsRun = async () => {
      await burst();
      return bus.published.some((message) => kindOf(message) === "run");
    };
    await expect.poll(crossedAsRun).toBe(true);
  };
  const concludes = async () => {
    // Behind all that was published before, whatever it was.
    emit(1);
    await arrived();
    expect(heard).toEqual(clients.map(() => sent.map((number) => [number])));
  };
  return { sent, burst, untilWhole, concludes };
}

function kindOf({ channel, bytes }: Bus["published"][number]): "run" | "event" | "other" {
  if (!channel.startsWith("p#")) return "other";
  return bytes[0] === IS_RUN ? "run" : "event";
}

/** As redis-adapter reads what it hears by its pattern: all but what is for rooms that it has not. */
function heardByStrangers({ published }: Bus, from = 0): unknown[] {
  const broadcasts = published.slice(from).filter(({ channel }) => channel === "p#/#");
  return broadcasts.map(({ bytes }) => decode(bytes)[1].data[1]);
}
