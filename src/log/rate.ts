/**
 * For what goes wrong as often as a client or a worker likes: says it at most once in an interval, and how often it was
 * held back.
 *
 *     const say = limiter(1_000);
 *     say((suppressed) => log.warn({ event: "bad-frame", suppressed }, "…"));
 */

export type Limiter = (speak: (suppressed: number) => void) => void;

export interface LimiterOptions {
  /** So many pass at once, where nothing was said for as many intervals. */
  readonly burst?: number;
  /** In ms and monotonic. */
  readonly now?: () => number;
}

/** What is held back last is told with the next line, whenever that comes. */
export function limiter(
  intervalMs: number,
  { burst = 1, now = () => performance.now() }: LimiterOptions = {},
): Limiter {
  /** When all that was said has been paid for with an interval each. */
  let paidMs = Number.NEGATIVE_INFINITY;
  let suppressed = 0;
  return (speak) => {
    const time = now();
    if (paidMs - time > (burst - 1) * intervalMs) {
      suppressed++;
      return;
    }
    paidMs = Math.max(paidMs, time) + intervalMs;
    const count = suppressed;
    suppressed = 0;
    speak(count);
  };
}
