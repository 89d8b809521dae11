/** How {@linkcode backoffMs} grows. */
export interface BackoffOptions {
  /** Delay bound of the first retry, in milliseconds. */
  readonly baseMs: number;
  /** No delay is longer than this, in milliseconds. */
  readonly capMs: number;
  /** A source of numbers in [0, 1). */
  readonly random: () => number;
}

/**
 * The delay before retry number `attempt` (0 for the first), in milliseconds.
 *
 * Doubles from `baseMs` up to `capMs`; the upper half of each delay is random, so that many clients
 * that lost one server do not return to it in step, and none returns at once.
 *
 * See "Exponential Backoff And Jitter" (Brooker, AWS Architecture Blog, 2015), "equal jitter".
 */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const { baseMs, capMs, random } = options;
  const bound = Math.min(capMs, baseMs * 2 ** attempt);
  return bound / 2 + random() * bound / 2;
}
