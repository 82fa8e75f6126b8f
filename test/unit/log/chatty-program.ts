// Logs once, and when asked, many times over several turns of the loop; then it says whether it is still there.
import { setImmediate as turn } from "node:timers/promises";
import { createLogger } from "../../../src/log/logger.js";

const log = createLogger({ level: "info", format: "json" });

process.on("message", async () => {
  for (let i = 0; i < 20; i++) {
    log.info({ i }, "nobody reads this");
    process.stderr.write("nor this\n");
    await turn();
  }
  process.send?.("still here");
});

log.info("started");
