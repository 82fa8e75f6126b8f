/** The history of a run, as the clients saw it: what they asked for, what became of it, and what they got, in one order. */

/** Whom an event was sent to. */
export interface Target {
  /** Absent: everybody. "self": the client that asked, alone. */
  readonly room?: string;
  readonly except?: string;
}

export type Entry =
  | { readonly type: "invoke"; readonly client: string; readonly id: string; readonly op: Operation }
  /** It was done. Without it, it may or may not have been. */
  | { readonly type: "ok"; readonly id: string; readonly sender: string; readonly number: number }
  | { readonly type: "connect"; readonly client: string; readonly pid: string; readonly recovered: boolean }
  | { readonly type: "close"; readonly client: string; readonly reason: string }
  | {
      readonly type: "receive";
      readonly client: string;
      /** Of its connections, the how manieth. */
      readonly connection: number;
      readonly id: string;
      readonly sender: string;
      readonly number: number;
      readonly cursor: string;
      readonly intact: boolean;
    }
  /** What a client found on the server when it was let in. */
  | {
      readonly type: "state";
      readonly client: string;
      readonly rooms: readonly string[];
      readonly data: Readonly<Record<string, unknown>>;
    }
  | { readonly type: "fault"; readonly name: string /** Sessions need not survive it. */; readonly excuses?: boolean }
  /** From here on nothing is broken any more; what is missing behind it is lost. */
  | { readonly type: "quiet" };

export type Operation =
  | { readonly kind: "emit"; readonly target: Target }
  | { readonly kind: "join"; readonly room: string }
  | { readonly kind: "leave"; readonly room: string }
  /** The server makes the socket of another client join. */
  | { readonly kind: "joinOther"; readonly other: string; readonly room: string }
  | { readonly kind: "set"; readonly key: string; readonly value: number };

export interface Violation {
  readonly rule:
    | "agree"
    | "integrity"
    | "duplicate"
    | "order"
    | "cursor"
    | "loss"
    | "fencing"
    | "state"
    | "recovered"
    | "liveness";
  readonly client: string;
  readonly text: string;
  /** The place in the history, and of what it stands against. */
  readonly at: readonly number[];
}
