/** Makes a server listen where the settings say, and turns a failure into an error that tells what to do. */
import { lstatSync, unlinkSync } from "node:fs";
import { type AddressInfo, connect, type ListenOptions, type Server } from "node:net";
import { formatHostAndPort } from "../../protocol/host-and-port.js";
import { ListenError } from "./listen-error.js";
import { findPortHolder } from "./port-holder.js";

export type ListenWhere =
  | { readonly port: number; readonly host: string }
  | { readonly unix: string }
  | { readonly fd: number };

/** The kernel cuts it to net.core.somaxconn; Node's own default of 511 is little for a burst of reconnects. */
const BACKLOG = 4_096;
const OWNER_ONLY_UMASK = 0o177;
const PROBE_TIMEOUT_MS = 1_000;

/** Gives the URL for people and for the ready line. */
export async function listen(server: Server, where: ListenWhere, scheme: "http" | "https"): Promise<string> {
  try {
    await open(server, where);
  } catch (error) {
    throw await explain(error as NodeJS.ErrnoException, where);
  }
  return urlOf(server.address(), scheme);
}

async function open(server: Server, where: ListenWhere): Promise<void> {
  if (!("unix" in where)) return listenOnce(server, { ...where, backlog: BACKLOG });
  if (await isStale(where.unix)) unlinkSync(where.unix);
  // The file gets its mode when it is bound, which Node does before listen() returns: nobody else can be faster.
  const umask = process.umask(OWNER_ONLY_UMASK);
  const listening = listenOnce(server, { path: where.unix, backlog: BACKLOG });
  process.umask(umask);
  return listening;
}

function listenOnce(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A socket file on which nobody answers was left by a process that is dead. */
async function isStale(path: string): Promise<boolean> {
  const file = lstatSync(path, { throwIfNoEntry: false });
  return file?.isSocket() === true && (await probe(path)) === "ECONNREFUSED";
}

function probe(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    socket.once("connect", () => {
      socket.destroy();
      resolve("connected");
    });
  });
}

async function explain(error: NodeJS.ErrnoException, where: ListenWhere): Promise<ListenError> {
  const code = error.code ?? error.message;
  return new ListenError(code, nameOf(where), await detailOf(code, where), error);
}

async function detailOf(code: string, where: ListenWhere): Promise<string | undefined> {
  if (code === "EADDRINUSE" && "port" in where) {
    const pid = await findPortHolder(where.port);
    return pid === undefined ? "held by another process; choose a free one with --port" : `held by pid ${pid}`;
  }
  if (code === "EADDRINUSE") return "it exists, and a server answers there or it is no socket";
  if (code === "EACCES" && "port" in where) return "this port needs CAP_NET_BIND_SERVICE, or take one above 1023";
  if (code === "EADDRNOTAVAIL") return "no interface of this host has this address";
  if (code === "ENOTFOUND") return "this name has no address";
  if ("fd" in where) return "this descriptor is no listening socket";
  return undefined;
}

function nameOf(where: ListenWhere): string {
  if ("unix" in where) return `unix:${where.unix}`;
  if ("fd" in where) return `fd:${where.fd}`;
  return formatHostAndPort(where);
}

const LOOPBACK_OF_WILDCARD: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

function urlOf(address: AddressInfo | string | null, scheme: string): string {
  if (address === null || typeof address === "string") return `unix:${address ?? ""}`;
  const host = LOOPBACK_OF_WILDCARD[address.address] ?? address.address;
  return `${scheme}://${formatHostAndPort({ host, port: address.port })}`;
}
