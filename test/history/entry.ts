/** The history of a run, as the clients saw it: what they asked for, what became of it, and what they got, in one order. */

/** Whom an event was sent to. */
export interface Target {
  /** Absent: everybody. "self": the client that asked, alone. */
  readonly room?: string;
  readonly except?: string;
}

export type Entry =
  | { readonly type: "invoke"; readonly client: string; readonly id: string; readonly op: Operation }
  /** It was done. Without it, it may or may not have been. `sender` is a worker, and begins with the boot of its host. */
  | { readonly type: "ok"; readonly id: string; readonly sender: string; readonly number: number }
  | {
      readonly type: "connect";
      readonly client: string;
      readonly pid: string;
      readonly recovered: boolean;
      /** The boot of the host that serves it; absent where there is but one. */
      readonly host?: string;
    }
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
  /** The primary of that boot has been killed. */
  | { readonly type: "ended"; readonly host: string }
  /** From here on what one host sends may not get to another. */
  | { readonly type: "cut"; readonly gaps: Gaps }
  /** From here on it does again: every host has said so. */
  | { readonly type: "mended" }
  /** From here on nothing is broken any more; what is missing behind it is lost. */
  | { readonly type: "quiet"; readonly gaps?: Gaps }
  /** What was asked when the history was `asked` entries long, because somebody had been told to be new. */
  | { readonly type: "refused"; readonly asked: number; readonly counts: Refused };

/** How often each boot has refused a session, by why. */
export type Refused = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** How often each boot has told that it missed something of others (`uplinkGaps`). */
export type Gaps = Readonly<Record<string, number>>;

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

/** The boot that a sender belongs to; undefined where there is but one. */
export function hostOf(sender: string | undefined): string | undefined {
  const [host, ...rest] = sender?.split("/") ?? [];
  return rest.length > 0 ? host : undefined;
}
