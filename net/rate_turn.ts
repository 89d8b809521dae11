import type { TokenBucket } from "./token_bucket.ts";

/**
 * One who sends and shares rates with others. Who has waited as long as the rates asked for may send once, even if
 * others were quicker to spend what came meanwhile: else they could be so each time. What that overdraws all wait for.
 *
 * A core without I/O.
 */
export class RateTurn {
  /** When it is the turn of who waits; `undefined`: nobody does. */
  #dueMs: number | undefined;

  /** How long to wait before something may be sent, in milliseconds. */
  waitMs(buckets: readonly TokenBucket[], nowMs: number): number {
    if (this.#dueMs !== undefined) return Math.max(0, this.#dueMs - nowMs);
    let waitMs = 0;
    for (const bucket of buckets) waitMs = Math.max(waitMs, bucket.waitMs(nowMs));
    if (waitMs > 0) this.#dueMs = nowMs + waitMs;
    return waitMs;
  }

  /** Something was sent. */
  spend(buckets: readonly TokenBucket[], bytes: number, nowMs: number): void {
    this.#dueMs = undefined;
    for (const bucket of buckets) bucket.spend(bytes, nowMs);
  }

  /** Other rates count from now on: whoever waited asks anew. */
  again(): void {
    this.#dueMs = undefined;
  }
}
