// D10, G19: a host whose words are of a later version of the wire is in the cluster, as during a rolling deploy. Its events
// still cross, as a plain server's do; what else it says is refused, counted and said; those of one version go on.
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { clientsOnEach, collect, type Socket } from "./support/client.js";
import { eventually } from "./support/eventually.js";
import { startHosts } from "./support/hosts.js";
import { type Heard, joinAsOutsider, type Outsider } from "./support/outsider.js";
import { startRedis } from "./support/redis.js";
import { fence, io, run } from "./support/remote.js";
import { startTalk, upTo } from "./support/talk.js";

const HOST_CHANNEL = "socket.io-holdfast#";
/** In the field that hosts add: version, bits, length of the uid, uid. */
const VERSION_BEFORE_UID_BYTES = 3;
const LATER = 4;

test("events of a later version keep flowing, its commands are refused and counted", async () => {
  const redis = await startRedis();
  const hosts = await startHosts({ redis: redis.url });
  const clients = (await Promise.all(hosts.map((host) => clientsOnEach(host, [0, 1])))).flat();
  const [speaker] = clients as [Socket];
  const outsider = await joinAsOutsider(redis);
  const talk = startTalk(speaker, clients);

  const announcement = await heard(outsider, ({ channel }) => channel === HOST_CHANNEL);
  await outsider.publish(HOST_CHANNEL, ofLaterVersion(announcement));
  await run(speaker, io.in("nobody").socketsJoin("joined by a later version"));
  const command = await heard(outsider, ({ bytes }) => bytes.includes("joined by a later version"));
  await outsider.publish(command.channel, ofLaterVersion(command));
  for (const host of hosts) {
    const { redis: seen, counters } = await host.waitForStatus((status) => refused(status.counters) >= 2);
    expect(seen).toEqual({ state: "ready", hosts: 2 });
    expect(refused(counters)).toBeGreaterThanOrEqual(2);
    const { msg } = await host.waitForLog("redis-refused");
    expect(msg).toContain(`version (${LATER})`);
  }

  const mark = randomUUID();
  const marks = clients.map((client) => collect(client, mark));
  await run(speaker, io.emit(mark, 1));
  const event = await heard(outsider, ({ bytes }) => bytes.includes(mark));
  await outsider.publish(event.channel, ofLaterVersion(event));
  await Promise.all(marks.map((each) => each.untilCount(2)));

  const sent = await talk.stop();
  await fence(speaker, clients);
  for (const client of clients) expect(talk.heard(client)).toEqual(upTo(sent));
});

async function heard(outsider: Outsider, accept: (one: Heard) => boolean): Promise<Heard> {
  const found = await eventually(
    () => outsider.heard.find(accept),
    (one) => one !== undefined,
  );
  return found as Heard;
}

/** As another host would say it: its uid is of the same length. */
function ofLaterVersion({ bytes, message }: Heard): Buffer {
  const uid: string = message.uid ?? message[0];
  const stranger = Buffer.from(randomUUID().slice(0, uid.length));
  const changed = Buffer.from(bytes);
  for (let at = changed.indexOf(uid); at >= 0; at = changed.indexOf(uid, at + 1)) changed.set(stranger, at);
  const inHostPart = changed.lastIndexOf(stranger);
  changed[inHostPart - VERSION_BEFORE_UID_BYTES] = LATER;
  return changed;
}

function refused(counters: Readonly<Record<string, number>>): number {
  return counters.uplinkRefusedOtherVersion ?? 0;
}
