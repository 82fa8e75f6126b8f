/** Turns the signals of the contract into wishes. Runs in the primary; it decides nothing. */

export interface SignalActions {
  stop(): void;
  reload(): void;
  more(): void;
  fewer(): void;
  dump(): void;
}

/** USR1 is Node's own (the inspector), PIPE is ignored by Node. */
const ACTION_OF: Readonly<Partial<Record<NodeJS.Signals, keyof SignalActions>>> = {
  SIGTERM: "stop",
  SIGINT: "stop",
  SIGHUP: "reload",
  SIGTTIN: "more",
  SIGTTOU: "fewer",
  SIGUSR2: "dump",
};

/**
 * Ctrl+C under `npm start` may come twice within a millisecond: from the terminal, and from npm, whose shell (bash, not
 * dash) has become us. A person who means "now" takes longer.
 */
const SAME_KEYSTROKE_MS = 100;

export interface Signals {
  /** From now on, and for those that have come already, in order. */
  deliverTo(actions: SignalActions): void;
}

/** To be called first of all: a signal that nobody listens to would end the process. */
export function collectSignals(): Signals {
  const early: (keyof SignalActions)[] = [];
  let deliver = (action: keyof SignalActions): void => void early.push(action);
  for (const [signal, action] of Object.entries(ACTION_OF)) {
    const act = () => deliver(action);
    process.on(signal, signal === "SIGINT" ? oncePerKeystroke(act) : act);
  }
  return {
    deliverTo: (actions) => {
      deliver = (action) => actions[action]();
      early.splice(0).forEach(deliver);
    },
  };
}

function oncePerKeystroke(act: () => void): () => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return () => {
    const isEcho = performance.now() - lastMs < SAME_KEYSTROKE_MS;
    lastMs = performance.now();
    if (!isEcho) act();
  };
}
