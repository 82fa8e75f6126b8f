/**
 * Finds the process that listens on a TCP port, for the text of an error: /proc/net/tcp tells the socket's inode, and
 * the holder has a descriptor of that inode. Best effort: other users' descriptors cannot be read, and Linux only.
 */
import { readdir, readFile, readlink } from "node:fs/promises";

export async function findPortHolder(port: number): Promise<number | undefined> {
  const inodes = new Set([...(await listeners("/proc/net/tcp", port)), ...(await listeners("/proc/net/tcp6", port))]);
  if (inodes.size === 0) return undefined;
  for (const pid of await numbersIn("/proc")) {
    if (await holdsAny(pid, inodes)) return pid;
  }
  return undefined;
}

const LISTEN_STATE = "0A";

/** Columns: slot, local address as HEX:HEXPORT, remote address, state, four more, uid, timeout, inode. */
async function listeners(table: string, port: number): Promise<string[]> {
  const text = await readFile(table, "latin1").catch(() => "");
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = text.split("\n").map((line) => line.trim().split(/\s+/));
  return rows.filter((row) => row[1]?.endsWith(suffix) && row[3] === LISTEN_STATE).map((row) => row[9] as string);
}

async function holdsAny(pid: number, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const fd of await numbersIn(`/proc/${pid}/fd`)) {
    const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    if (inode && inodes.has(inode)) return true;
  }
  return false;
}

async function numbersIn(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch(() => []);
  return names.map(Number).filter(Number.isInteger);
}
