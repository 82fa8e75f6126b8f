/**
 * What the orchestrator asks of the load client, a process of its own, over Node's IPC: one request, one answer, by id.
 */

export type Command =
  | ConnectCommand
  | JoinCommand
  | LoadCommand
  | ChurnCommand
  | JitterCommand
  | PollCommand
  | ExchangeCommand
  /** Closes all clients. Answered when they are closed. */
  | { readonly type: "disconnect" };

/** Opens clients that stay. Answered by the slot of the worker that serves each, and the attempts that hung or were refused. */
export interface ConnectCommand {
  readonly type: "connect";
  readonly url: string;
  readonly clients: number;
  readonly concurrency: number;
  /** Go on until each client is on a worker of its own. */
  readonly apart?: boolean;
  /** The server is the chat, which does not say what worker it is; each client comes from an address of its own. */
  readonly chat?: boolean;
}

export interface Connected {
  readonly slots: readonly number[];
  readonly failed: number;
}

export interface JoinCommand {
  readonly type: "join";
  readonly client: number;
  readonly room: string;
}

/** Tells the workers of some clients to emit, and waits until all clients have what they should. */
export interface LoadCommand {
  readonly type: "load";
  /** Indices of clients; the worker of each emits. */
  readonly emitters: readonly number[];
  /** Over all emitters, as is `count`, a multiple of their number. */
  readonly ratePerSecond: number;
  /** How many messages an emitter emits at a time. */
  readonly burst: number;
  readonly count: number;
  readonly room?: string;
  /** Clients that receive each message. */
  readonly receivers: number;
  /** The clients say it themselves, to the chat. */
  readonly chat?: boolean;
}

export interface Loaded {
  readonly received: number;
  readonly lost: number;
  readonly latency: Latency;
}

/** Opens WebSocket clients at a fixed rate and closes each as soon as Socket.IO has connected it. */
export interface ChurnCommand {
  readonly type: "churn";
  readonly url: string;
  readonly ratePerSecond: number;
  readonly count: number;
}

export interface Churned {
  readonly opened: number;
  readonly failed: number;
  readonly latency: Latency;
}

/** Clients of its own, whose connections break and come back while workers emit to all of them. */
export interface JitterCommand {
  readonly type: "jitter";
  readonly url: string;
  readonly clients: number;
  readonly ratePerSecond: number;
  readonly forMs: number;
}

export interface Jittered {
  /** Messages times clients. */
  readonly due: number;
  readonly received: number;
  /** Of a message that a client had already. */
  readonly twice: number;
  readonly cuts: number;
  /** Returns with the same session. */
  readonly recovered: number;
  readonly failedConnects: number;
}

/** Opens sessions that poll, each on a connection of its own that is kept alive. Answered for all that there are. */
export interface PollCommand {
  readonly type: "poll";
  readonly url: string;
  readonly sessions: number;
}

export interface Polling {
  /** What the sessions' ids say of their workers. */
  readonly workers: readonly string[];
}

/** Sends events and polls their acknowledgements at a fixed rate. Answered with the time that each took. */
export interface ExchangeCommand {
  readonly type: "exchange";
  /** Whose connection carries it, and whose session it is. */
  readonly pairs: readonly (readonly [carrier: number, session: number])[];
  readonly ratePerSecond: number;
  readonly count: number;
}

export interface Latency {
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface Reply {
  readonly connect: Connected;
  readonly join: undefined;
  readonly load: Loaded;
  readonly churn: Churned;
  readonly jitter: Jittered;
  readonly poll: Polling;
  readonly exchange: Latency;
  readonly disconnect: undefined;
}

export interface Request {
  readonly id: number;
  readonly command: Command;
}

export type Response =
  | { readonly id: number; readonly result?: Reply[Command["type"]] }
  | { readonly id: number; readonly error: string };
