/**
 * Entry of the load client's process: obeys commands and ends with the orchestrator.
 */
import { churn } from "./churn.js";
import type { Command, Reply, Request, Response } from "./command.js";
import { Fleet } from "./fleet.js";
import { jitter } from "./jitter.js";
import { Pollers } from "./poller.js";

const fleet = new Fleet();
const pollers = new Pollers();

process.on("message", async ({ id, command }: Request) => {
  const response: Response = await obey(command).then(
    (result) => ({ id, result }),
    (error: Error) => ({ id, error: error.message }),
  );
  process.send?.(response);
});
process.on("disconnect", () => process.exit());

function obey(command: Command): Promise<Reply[Command["type"]]> {
  switch (command.type) {
    case "connect":
      return fleet.connect(command);
    case "join":
      return fleet.join(command);
    case "load":
      return fleet.load(command);
    case "churn":
      return churn(command);
    case "jitter":
      return jitter(command);
    case "poll":
      return pollers.open(command);
    case "exchange":
      return pollers.exchange(command);
    case "disconnect":
      return fleet.disconnect();
  }
}
