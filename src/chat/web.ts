/**
 * What the chat answers over HTTP: the page's files, and a request's own headers as JSON. Runs in a worker and never sees
 * Engine.IO's requests. Nothing that a client sends can make it throw.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { loadPageFiles, type PageFile } from "./page-file.js";

const SECURITY_HEADERS = {
  "Content-Security-Policy": [
    "default-src 'self'",
    "connect-src 'self' ws: wss:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

type Responder = (request: IncomingMessage, response: ServerResponse) => void;

export function createWebListener(pageDirectory: URL): RequestListener {
  const files = loadPageFiles(pageDirectory);
  return (request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    const path = request.url?.split("?", 1)[0] ?? "";
    const respond = path === "/headers" ? sendHeaders : fileResponder(files.get(path));
    answer(respond, request, response);
  };
}

function fileResponder(file: PageFile | undefined): Responder | undefined {
  return file && ((request, response) => sendFile(file, request, response));
}

function answer(respond: Responder | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (respond === undefined) refuse(response, 404, "Not found");
  else if (request.method === "GET" || request.method === "HEAD") respond(request, response);
  else refuse(response.setHeader("Allow", "GET, HEAD"), 405, "Method not allowed");
}

function sendHeaders(request: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify(request.headers);
  send(response, 200, { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" }, body);
}

function sendFile(file: PageFile, request: IncomingMessage, response: ServerResponse): void {
  // Asked again each time, so that a reload of the service shows its new page at once.
  const headers = { ETag: file.etag, "Cache-Control": "no-cache" };
  if (request.headers["if-none-match"] === file.etag) response.writeHead(304, headers).end();
  else send(response, 200, { ...headers, "Content-Type": file.type }, file.body);
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  send(response, status, { "Content-Type": "text/plain; charset=utf-8" }, `${reason}\n`);
}

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: string | Buffer): void {
  // Node leaves the body out when the method is HEAD.
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) }).end(body);
}
