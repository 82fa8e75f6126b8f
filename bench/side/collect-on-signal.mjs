/**
 * Preloaded into every process of a side (NODE_OPTIONS) when memory is measured: SIGWINCH, which a process without a
 * terminal ignores otherwise, collects all garbage, so that what is left is what a connection holds.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
process.on("SIGWINCH", () => {
  collect();
  collect();
});
