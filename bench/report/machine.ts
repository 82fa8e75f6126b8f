/** Says what machine a run was on. */
import { availableParallelism, cpus, release } from "node:os";

export function machineLine(): string {
  const model = cpus()[0]?.model ?? "unknown processor";
  return `Node ${process.version}, Linux ${release()}, ${availableParallelism()} × ${model}`;
}
