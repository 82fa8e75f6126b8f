// Issue 5, criterion 2: 200 clients, 200 messages a second to all of them, kill -9 of a worker twice in a row.
import { expect, test } from "vitest";
import { type Collection, collect, connect, type Socket, slotOf } from "../flow/support/client.js";
import { startHoldfast } from "../flow/support/holdfast.js";
import { firstOf, RECONNECTS, returningClientOn, upTo } from "../flow/support/recovery.js";

const CLIENTS = 200;
const WORKERS = 4;
const PER_SECOND = 200;
/** Beyond what the client itself waits before it tries again. */
const BACK_WITHIN_MS = 2_000;
const JOIN_AT_ONCE = 10;

interface Member {
  readonly client: Socket;
  readonly said: Collection;
  readonly hello: Collection;
  /** Its own delay is over then. */
  attemptedAtMs: number;
  backAtMs: number;
  disconnects: number;
}

test("killed twice in a row, a worker costs none of 200 clients anything", { timeout: 180_000 }, async () => {
  const host = await startHoldfast({ app: "recovery.mjs", workers: WORKERS });
  const sender = await returningClientOn(host, WORKERS - 1);
  const members = await Promise.all(
    Array.from({ length: JOIN_AT_ONCE }, () => some(host, CLIENTS / JOIN_AT_ONCE)),
  ).then((groups) => groups.flat());
  await Promise.all(members.map(({ client }, i) => client.emitWithAck("set", { name: i })));
  const ids = members.map(({ client }) => client.id);
  let sent = 0;
  const startedAt = performance.now();
  const talk = setInterval(() => {
    for (const due = ((performance.now() - startedAt) * PER_SECOND) / 1_000; sent < due; sent++) {
      sender.emit("say", "everybody", sent);
    }
  }, 5);
  const returns: number[] = [];
  for (const slot of [0, 1]) {
    const { pid } = await host.worker(slot);
    await members[0]?.said.untilCount(sent + 2 * PER_SECOND, 30_000);
    const victims = members.filter(({ client }) => slotOf(client) === slot);
    expect(victims.length).toBeGreaterThan(10);
    const others = members.filter((member) => !victims.includes(member));
    const before = others.map(({ disconnects }) => disconnects);
    const greeted = victims.map(({ hello }) => hello.items.length);
    const killedAtMs = performance.now();
    process.kill(pid, "SIGKILL");
    await Promise.all(victims.map(({ hello }, i) => hello.untilCount((greeted[i] as number) + 1, 30_000)));
    returns.push(...victims.map(({ backAtMs, attemptedAtMs }) => backAtMs - Math.max(attemptedAtMs, killedAtMs)));
    expect(others.map(({ disconnects }) => disconnects)).toEqual(before);
  }
  clearInterval(talk);
  await Promise.all(members.map(({ said }) => said.untilCount(sent, 60_000)));
  const slowestMs = Math.round(Math.max(...returns));
  console.log(
    `${returns.length} returns of ${CLIENTS} clients, ${sent} messages; slowest ${slowestMs} ms after its first try`,
  );
  for (const { said } of members) expect(firstOf(said.items)).toEqual(upTo(sent));
  expect(members.map(({ client }) => client.id)).toEqual(ids);
  for (const [i, { hello, client }] of members.entries()) {
    for (const [greeting] of hello.items) {
      expect(greeting).toMatchObject({ recovered: true, data: { name: i } });
      expect((greeting as { rooms: string[] }).rooms.sort()).toEqual([client.id, "everybody"].sort());
    }
  }
  expect(slowestMs).toBeLessThan(BACK_WITHIN_MS);
});

async function some(host: { readonly url: string }, count: number): Promise<Member[]> {
  const members: Member[] = [];
  for (let i = 0; i < count; i++) members.push(await memberOn(host));
  return members;
}

async function memberOn(host: { readonly url: string }): Promise<Member> {
  const client = await connect(host, { options: { ...RECONNECTS } });
  await client.emitWithAck("join", ["everybody"]);
  const said = collect(client, "said");
  const member: Member = {
    client,
    said,
    hello: collect(client, "hello"),
    attemptedAtMs: 0,
    backAtMs: 0,
    disconnects: 0,
  };
  client.io.on("reconnect_attempt", (attempt) => {
    if (attempt === 1) member.attemptedAtMs = performance.now();
  });
  client.on("hello", () => {
    member.backAtMs = performance.now();
  });
  client.on("disconnect", () => {
    member.disconnects++;
  });
  return member;
}
