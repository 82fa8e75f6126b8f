// docs/edge.md, "Behind a proxy": what stands there is what runs here, with real programs.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { connect, upgraded } from "./support/client.js";
import { startHaproxy } from "./support/haproxy.js";
import { type Holdfast, startHoldfast } from "./support/holdfast.js";
import { startNginx } from "./support/nginx.js";
import { head, openRaw } from "./support/raw.js";

const DOCS = readFileSync(new URL("../../docs/edge.md", import.meta.url), "utf8");
const CLIENT = "127.0.0.9";

interface Snippet {
  readonly name: string;
  readonly language: "nginx" | "haproxy";
  readonly flags: string[];
  readonly text: string;
}

const [nginx, http, tcp] = snippets() as [Snippet, Snippet, Snippet];

/** Each block of configuration, with the command line before it. */
function snippets(): Snippet[] {
  const pattern = /\n {4}holdfast app\.js ([^\n]*)\n\n```(nginx|haproxy)\n(.*?)```/gs;
  return [...DOCS.matchAll(pattern)].map(([, flags = "", language, text = ""]) => ({
    name: /mode (\w+)/.exec(text)?.[1] ?? "http",
    language: language as Snippet["language"],
    flags: flags.split(" "),
    text,
  }));
}

/** Ports aside, as it stands in the docs. */
async function start({ language, flags, text }: Snippet) {
  const host = await startHoldfast({ app: "address.mjs", args: flags });
  const backend = text.replaceAll("127.0.0.1:3000", new URL(host.url).host);
  const front =
    language === "nginx"
      ? await startNginx((port) => backend.replace("listen 80;", `listen 127.0.0.1:${port};`))
      : await startHaproxy((port) => backend.replace("bind :80", `bind 127.0.0.1:${port}`));
  return { host, front };
}

async function addressThrough(port: number, headers = {}): Promise<string> {
  const connection = await openRaw({ port, host: "127.0.0.1", localAddress: CLIENT } as never);
  connection.write(head("GET /address HTTP/1.1", { host: "a", ...headers }));
  return JSON.parse(String((await connection.response()).body)).address;
}

test("the docs have three", () => {
  expect(snippets().map(({ language, name }) => [language, name])).toEqual([
    ["nginx", "http"],
    ["haproxy", "http"],
    ["haproxy", "tcp"],
  ]);
});

describe.each([
  ["nginx", nginx],
  ["HAProxy, HTTP", http],
  ["HAProxy, TCP with the PROXY protocol", tcp],
])("%s", (_, snippet) => {
  test("every transport works, over kept-alive connections, with sessions on both workers", async () => {
    const { host, front } = await start(snippet);
    for (const transport of ["polling", "websocket", "both"] as const) {
      const clients = await Promise.all(Array.from({ length: 6 }, () => connect(front, { transport })));
      if (transport === "both") await Promise.all(clients.map((client) => upgraded(client)));
      for (const client of clients) expect(await client.emitWithAck("echo", 1)).toBe(1);
    }
    await onBoth(host);
  });

  test("the app sees the client's address, and none that the client makes up", async () => {
    const { front } = await start(snippet);
    expect(await addressThrough(front.port)).toBe(CLIENT);
    const lies = { "x-forwarded-for": "192.0.2.7", forwarded: "for=192.0.2.7" };
    expect(await addressThrough(front.port, lies)).toBe(CLIENT);
  });
});

async function onBoth(host: Holdfast): Promise<void> {
  await host.waitForStatus(({ workers }) => workers.every(({ sessions }) => sessions > 0));
}
