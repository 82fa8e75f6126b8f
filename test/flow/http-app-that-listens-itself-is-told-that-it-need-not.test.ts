// An app written for the public recipe runs as it is: what it does twice is left undone, and said.
import { expect, test } from "vitest";
import { connect } from "./support/client.js";
import { startExpectingExit, startHoldfast } from "./support/holdfast.js";
import { head, openRaw } from "./support/raw.js";

test("an app that listens, attaches and sets up its worker itself is told, and each request runs once", async () => {
  const host = await startHoldfast({ app: "sticky-app.mjs", workers: 1 });
  for (const event of ["app-setup-worker", "app-attach", "app-listen"]) {
    expect((await host.waitForLog(event)).msg).toContain("it need not");
  }
  for (let i = 1; i <= 5; i++) {
    const connection = await openRaw(host);
    connection.write(head("GET / HTTP/1.1"));
    const { headers, body } = await connection.response();
    expect([headers.connection, String(body)]).toEqual(["keep-alive", String(i)]);
  }
  for (const transport of ["polling", "websocket"] as const) {
    const client = await connect(host, { transport });
    expect(await client.timeout(2_000).emitWithAck("echo", transport)).toBe(transport);
  }
});

test("an app that opens a server of its own ends the start, at the line where it does", async () => {
  const { code, stderr, stdout } = await startExpectingExit({ app: "own-server.mjs" });
  expect(code).toBe(4);
  expect(stderr + stdout).toContain("put its handler on ctx.http");
  expect(stderr + stdout).toContain("own-server.mjs:5");
});

test("an app may listen on a port that its worker has alone", async () => {
  const host = await startHoldfast({ app: "own-server.mjs", workers: 2, env: { EXCLUSIVE: "1" } });
  const ports = await Promise.all(
    [0, 1].map((slot) => host.waitForLog((line) => line.own !== undefined && line.worker === slot)),
  );
  for (const { own } of ports) expect(await (await fetch(`http://127.0.0.1:${own}`)).text()).toBe("own");
});

test("an app that makes a Socket.IO server of its own, or sets an adapter, is told", async () => {
  const host = await startHoldfast({ app: "own-socket-server.mjs", workers: 1 });
  expect((await host.waitForLog("app-own-server")).msg).toContain("use the io that it is given");
  expect((await host.waitForLog("app-adapter")).msg).toContain("it need not");
});
