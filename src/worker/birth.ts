/** What the primary tells a worker when it forks it. */
import { parseWorkerBirth, WORKER_BIRTH_VARIABLE, type WorkerBirth } from "../protocol/control.js";

/** Started by hand: exit code 2, as for any wrong usage. */
const EXIT_USAGE = 2;

/** Taken out of the environment: programs that the app starts have no business with it. */
export function takeBirth(): WorkerBirth {
  const birth = parseWorkerBirth(process.env[WORKER_BIRTH_VARIABLE]);
  delete process.env[WORKER_BIRTH_VARIABLE];
  if (birth) return birth;
  process.stderr.write("worker.js is started by primary.js; run that instead\n");
  process.exit(EXIT_USAGE);
}
