/**
 * The files of the chat page, read into memory when a worker starts (about 40 kB), so that serving them opens nothing: a
 * package replaced under a running service, or a client gone in the middle, leaves no error and no descriptor behind.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";

export interface PageFile {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
}

const INDEX = "index.html";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Request paths to files; files of other types than the page's are not served. */
export function loadPageFiles(directory: URL): ReadonlyMap<string, PageFile> {
  const names = readdirSync(directory).filter((name) => extname(name) in TYPES);
  const files = new Map(names.map((name) => [`/${name}`, loadPageFile(directory, name)]));
  const index = files.get(`/${INDEX}`);
  return index === undefined ? files : files.set("/", index);
}

function loadPageFile(directory: URL, name: string): PageFile {
  const body = readFileSync(new URL(name, directory));
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`;
  return { body, etag, type: TYPES[extname(name)] ?? "application/octet-stream" };
}
