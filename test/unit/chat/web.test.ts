import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { createWebListener } from "../../../src/chat/web.js";

const PAGE = new URL("../../../src/chat/page/", import.meta.url);
const listener = createWebListener(PAGE);
let port = 0;

beforeAll(async () => {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
  return () => {
    server.closeAllConnections();
    server.close();
  };
});

test("GET /headers answers the request's headers as JSON", async () => {
  const { status, headers, body } = await ask({
    path: "/headers?x=1",
    headers: { "X-Test": "ä", "x-many": ["1", "2"] },
  });
  expect(status).toBe(200);
  expect(headers["content-type"]).toMatch("application/json");
  expect(JSON.parse(body)).toMatchObject({ "x-test": "ä", "x-many": "1, 2", host: `127.0.0.1:${port}` });
});

test("GET / is the page, and everything it refers to is there", async () => {
  const page = await ask({ path: "/" });
  expect(page.status).toBe(200);
  expect(page.headers["content-type"]).toMatch("text/html");
  const references = [...page.body.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, to]) => to as string);
  expect(references).toContain("chat.js");
  for (const to of references) expect((await ask({ path: `/${to}` })).status, to).toBe(200);
});

test("every module that the page imports is there, or is the client that Socket.IO serves", async () => {
  const { body } = await ask({ path: "/chat.js" });
  const imports = [...body.matchAll(/from "\.(\/[^"]+)"/g)].map(([, to]) => to as string);
  expect(imports.length).toBeGreaterThan(3);
  for (const to of imports) expect((await ask({ path: to })).headers["content-type"], to).toMatch("text/javascript");
});

test("every answer, an error too, forbids foreign content, framing and guessed types", async () => {
  for (const path of ["/", "/chat.css", "/headers", "/nothing"]) {
    const { headers } = await ask({ path });
    expect(headers["content-security-policy"]).toMatch("default-src 'self'");
    expect(headers["content-security-policy"]).toMatch("frame-ancestors 'none'");
    expect(headers["content-security-policy"]).not.toMatch("unsafe");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  }
});

test("the page keeps to that rule: nothing inline, nothing from elsewhere", async () => {
  for (const path of ["/", "/base.css", "/chat.css", "/phone.css", "/chat.js", "/timeline.js"]) {
    const { body } = await ask({ path });
    expect(body).not.toMatch(/<script>|<style|\sstyle="|\son\w+="|innerHTML|https?:\/\/(?!www\.w3\.org)/);
  }
});

test("a file that has not changed is not sent again", async () => {
  const first = await ask({ path: "/chat.css" });
  const second = await ask({ path: "/chat.css", headers: { "if-none-match": first.headers.etag } });
  expect(second.status).toBe(304);
  expect(second.body).toBe("");
});

test("HEAD answers like GET, without the body", async () => {
  const get = await ask({ path: "/" });
  const head = await ask({ path: "/", method: "HEAD" });
  expect(head.status).toBe(200);
  expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
  expect(head.body).toBe("");
});

test.each(["POST", "PUT", "DELETE", "OPTIONS"])("%s is not allowed, and is told what is", async (method) => {
  const { status, headers } = await ask({ path: "/headers", method });
  expect(status).toBe(405);
  expect(headers.allow).toBe("GET, HEAD");
});

test.each(["/nothing", "/../payload.ts", "/%2e%2e/payload.ts", "/%E0%A4%A", "//", "/__proto__", "/constructor", "/."])(
  "%s is not found",
  async (path) => {
    expect((await ask({ path })).status).toBe(404);
  },
);

test.each(["bytes=5-1", "bytes=-1", "bytes=99999999-", "lines=1"])(
  "the range %s gets the whole file",
  async (range) => {
    const { status, body } = await ask({ path: "/", headers: { range } });
    expect(status).toBe(200);
    expect(body).toMatch("</html>");
  },
);

async function ask(options: RequestOptions) {
  const asked = request({ host: "127.0.0.1", port, agent: false, ...options }).end();
  onTestFinished(() => void asked.destroy());
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const body = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode, headers: response.headers, body };
}
