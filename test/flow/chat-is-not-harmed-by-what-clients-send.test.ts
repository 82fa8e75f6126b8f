import { once } from "node:events";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { onCleanup } from "./support/cleanup.js";
import { type Collection, clientsOnEach, collect, type Server, type Socket } from "./support/client.js";
import { within } from "./support/eventually.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { websocketTarget } from "./support/raw.js";

const ANSWER_MS = 5_000;
const CLOSED = "closed";

/** No event of the chat takes any of these. */
const REFUSED: readonly string[] = [
  ...["null", "true", "7", "-1.5e308", '""', '"text"', "[]", '[{"to":"r"}]', '{"to":0}', '{"to":[]}', '{"to":""}'],
  ...[
    '{"to":{"toString":1}}',
    '{"username":1,"to":{}}',
    '{"name":[],"text_message":7}',
    '{"to":{},"name":{},"username":{}}',
  ],
  ...['{"__proto__":{"to":"r"},"to":{}}', '{"constructor":{"prototype":{"polluted":1}},"to":7}'],
  ...['{"hasOwnProperty":1,"to":{"length":1}}', '{"text_message":"\\ud800","username":false,"to":null}'],
  ...[`{"to":"${"r".repeat(100_000)}"}`, nested("[", "]"), `{"to":${nested('{"to":', "}", "1")}}`],
];

/** Each breaks the protocol, or means nothing in it. */
const BROKEN: readonly string[] = [
  ...["4", "42", "42[", "42[]", "42[1]", "42{}", '42["say"', '42["connect",{}]', '42["disconnect",{}]', "42[null]"],
  ...["4299999999999999999999[]", '45-["say"]', '451-["say",{"_placeholder":true,"num":7}]', '45999999999-["say",{}]'],
  ...[
    '43["x"]',
    "439[]",
    "48",
    "4x",
    "4/nowhere,",
    '42/nowhere,["say",{}]',
    '40{"a":',
    "9",
    "x",
    `42${nested("[", "]")}`,
  ],
];

test("a malformed payload is answered as refused, and changes nothing", async () => {
  const { host, inboxes } = await startChat();
  const rogue = await Rogue.connect(host);
  for (const event of ["join", "leave", "say", "send-message"]) {
    for (const payload of REFUSED) {
      const name = `${event} ${payload.slice(0, 60)}`;
      expect(await rogue.answer(event, payload), name).toBe('[{"ok":false}]');
    }
  }
  await expectServes(host, inboxes);
});

test("what breaks the protocol costs its sender the connection at most", async () => {
  const { host, inboxes } = await startChat();
  for (const text of BROKEN) {
    const rogue = await Rogue.connect(host);
    rogue.send(text);
    expect(['[{"ok":true}]', CLOSED], text).toContain(await rogue.answer("leave", '{"to":"r"}'));
    rogue.close();
  }
  await expectServes(host, inboxes);
});

/** A client on each of three workers, which collects what it hears. */
async function startChat() {
  const host = await startHoldfast({ workers: 3 });
  const clients = await clientsOnEach(host, [0, 1, 2]);
  return { host, inboxes: clients.map((client) => ({ client, heard: collect(client, "receive-message") })) };
}

/** Nobody has heard anything, nobody was disconnected, no worker has ended or complained; and all of them still talk. */
async function expectServes(host: Holdfast, inboxes: readonly { client: Socket; heard: Collection }[]): Promise<void> {
  for (const { client } of inboxes) client.emit("send-message", { username: "ada", text_message: "here" });
  for (const { client, heard } of inboxes) {
    const here = [{ sender: "ADA", text_message: "here" }];
    expect(await heard.untilCount(inboxes.length)).toEqual(inboxes.map(() => here));
    expect(client.connected).toBe(true);
  }
  expect((await host.workers()).map(({ restarts }) => restarts)).toEqual([0, 0, 0]);
  expect(host.lines.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
}

/** A client that writes its packets by hand. */
class Rogue {
  readonly #socket: WebSocket;
  #packets = 0;
  #heard: (text: string) => void = () => {};

  static async connect({ url }: Server): Promise<Rogue> {
    const socket = new WebSocket(url.replace(/^http/, "ws") + websocketTarget);
    onCleanup(() => socket.terminate());
    const rogue = new Rogue(socket);
    const welcomed = rogue.#received("40{");
    await once(socket, "open");
    rogue.send("40");
    await welcomed;
    return rogue;
  }

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#heard(String(data)));
    socket.on("close", () => this.#heard(CLOSED));
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  /** The acknowledgement's arguments, or CLOSED when the connection ends instead. */
  answer(event: string, payload: string): Promise<string> {
    const id = this.#packets++;
    const answered = this.#received(`43${id}[`);
    this.send(`42${id}["${event}",${payload}]`);
    return answered;
  }

  close(): void {
    this.#socket.terminate();
  }

  #received(prefix: string): Promise<string> {
    const received = new Promise<string>((resolve) => {
      this.#heard = (text) => {
        if (text === CLOSED) resolve(text);
        else if (text.startsWith(prefix)) resolve(text.slice(prefix.length - 1));
      };
    });
    return within(received, ANSWER_MS, `a packet that begins with ${prefix}`);
  }
}

/** 50,000 deep. */
function nested(open: string, close: string, core = ""): string {
  return open.repeat(50_000) + core + close.repeat(50_000);
}
