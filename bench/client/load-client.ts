/**
 * The orchestrator's handle on the load client: a process of its own, so that its CPU is not a side's.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Command, Reply, Request, Response } from "./command.js";

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class LoadClient {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor() {
    this.#process = fork(fileURLToPath(new URL("process.ts", import.meta.url)));
    this.#process.on("message", (response: Response) => this.#settle(response));
    this.#process.on("exit", (code) => this.#fail(new Error(`the load client exited with code ${code}`)));
  }

  ask<C extends Command>(command: C): Promise<Reply[C["type"]]> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#process.send({ id, command } satisfies Request);
    });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.disconnect();
    await once(this.#process, "exit");
  }

  #settle(response: Response): void {
    const pending = this.#pending.get(response.id);
    this.#pending.delete(response.id);
    if ("error" in response) pending?.reject(new Error(response.error));
    else pending?.resolve(response.result as never);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
