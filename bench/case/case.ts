/**
 * What a case of the benchmark is: one figure, measured the same way on every side that it names. Runs in the
 * orchestrator; knows neither rounds nor reports.
 */
import type { LoadClient } from "../client/load-client.js";
import type { Launch, Side, SideName } from "../side/side.js";

export interface Case {
  readonly name: string;
  /** What the figure is, for a table. */
  readonly title: string;
  readonly unit: string;
  /** Of each host. */
  readonly workers: number;
  readonly sides: readonly SideName[];
  /** What the figure is divided by, and what the ratio must not pass. */
  readonly goal: Goal;
  /** What the sides need beside workers. */
  readonly launch?: Pick<Launch, "hosts" | "front" | "chat" | "collectable" | "tls" | "recoverable">;
  measure(bench: Bench): Promise<Sample>;
}

export interface Goal {
  /** Whose figure is divided; Holdfast's where it is not said. */
  readonly of?: SideName;
  /** Absent, the figure is a ratio by itself. */
  readonly against?: SideName;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Bench {
  readonly side: Side;
  readonly client: LoadClient;
  readonly pace: Pace;
}

/** How long things go on. */
export interface Pace {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly idleMs: number;
  readonly measureMs: number;
  readonly idleClients: number;
}

export interface Sample {
  readonly figure: number;
  /** What stands beside the figure and explains it, by a name that tells the unit. */
  readonly notes: Readonly<Record<string, number>>;
}
