/** What recovery asks of Redis, so that a session may come back on another host; the uplink has it. */

/** A command's name and its arguments. */
export type Command = readonly [string, ...(string | Buffer | number)[]];

/** Rejects when Redis is away or late, or answers one of them with an error. Texts come as Buffers. */
export type Run = (commands: readonly Command[]) => Promise<readonly unknown[]>;

export interface Store {
  /** This host's, random per boot. */
  readonly uid: string;
  /** What the names of keys begin with. */
  readonly prefix: string;
  /** With which hosts sign for each other. */
  readonly secret: string | undefined;
  /** Both connections are there, and what others publish is heard. */
  readonly isReady: boolean;
  /** Commands may be given. */
  readonly isOpen: boolean;
  /** In order, before all that is published later. */
  readonly run: Run;
  /** To that host alone; false: it did not leave. */
  tell(uid: string, message: Buffer): boolean;
  /** Whether the host is there to be told: nobody hears for one that has died. */
  isThere(uid: string): Promise<boolean>;
  /** From now on this host is told, and what is published leaves behind `onFlush`. Resolves when Redis has confirmed. */
  begin(): Promise<void>;
  listen(listener: StoreListener): void;
}

export interface StoreListener {
  /** A connection to Redis has been made; nothing is published on it before this is done. Never rejects. */
  onConnect(run: Run): Promise<void>;
  /** All is heard again. `missed`: something may have passed unheard. */
  onUp(missed: boolean): void;
  /** A connection is lost: perhaps the one by which others are heard. */
  onDown(): void;
  onMessage(message: Buffer): void;
  /** What was published in this turn is about to leave. */
  onFlush(): void;
  /** All of it is in the kernel, or waits for a connection. */
  onFlushed(): void;
}
