/**
 * For what goes wrong as often as a client likes: says it at most once in an interval, and how often it was held back.
 *
 *     const say = limiter(1_000);
 *     say((suppressed) => log.warn({ event: "bad-frame", suppressed }, "…"));
 */

export type Limiter = (speak: (suppressed: number) => void) => void;

/** `now` is in ms and monotonic. What is held back last is told with the next line, whenever that comes. */
export function limiter(intervalMs: number, now: () => number = () => performance.now()): Limiter {
  let silentUntil = Number.NEGATIVE_INFINITY;
  let suppressed = 0;
  return (speak) => {
    const time = now();
    if (time < silentUntil) {
      suppressed++;
      return;
    }
    silentUntil = time + intervalMs;
    const count = suppressed;
    suppressed = 0;
    speak(count);
  };
}
