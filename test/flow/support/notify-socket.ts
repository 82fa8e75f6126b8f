/**
 * The other end of systemd's NOTIFY_SOCKET: a Unix datagram socket that keeps what it was told. Node has no such
 * sockets, so a few lines of Python receive and print each datagram.
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { spawnTracked, temporaryDirectory } from "./cleanup.js";
import { eventually } from "./eventually.js";

const RECEIVER = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print(json.dumps("bound"), flush=True)
while True:
    print(json.dumps(receiver.recv(65536).decode("utf-8", "replace")), flush=True)
`;

export class NotifySocket {
  readonly path: string;
  /** One datagram each; it may hold several lines. */
  readonly messages: string[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** The first datagram that has this line, or begins with it: `READY=1`, `WATCHDOG=`. */
  async waitFor(text: string, withinMs = 10_000): Promise<string> {
    const found = () => this.messages.find((message) => message.split("\n").some((line) => line.startsWith(text)));
    const options = { withinMs, what: `${text} on the notify socket` };
    return (await eventually(
      () => found() ?? Promise.reject(this.messages),
      () => true,
      options,
    )) as string;
  }
}

export async function openNotifySocket(): Promise<NotifySocket> {
  const notify = new NotifySocket(join(temporaryDirectory(), "notify"));
  const receiver = spawnTracked("python3", ["-u", "-c", RECEIVER, notify.path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  createInterface(receiver.stdout as Readable).on("line", (line) => notify.messages.push(JSON.parse(line)));
  await notify.waitFor("bound");
  notify.messages.length = 0;
  return notify;
}
