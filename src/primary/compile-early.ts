/**
 * Has V8 optimize what the primary runs often a few times sooner, as worker/compile-early.ts does in workers, and for the
 * same reason.
 */
import { setFlagsFromString } from "node:v8";

const INTERRUPT_BUDGET = 10_000;

export function compileEarly(): void {
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
}
