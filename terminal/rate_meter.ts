/** Over how long a rate is taken, in milliseconds: long enough to be steady, short enough to be true. */
const WINDOW_MS = 5_000;

/**
 * The speed of a transfer over its last five seconds, from its running total. Also loaded by the page.
 *
 * A total that goes back (a transfer that starts over) clears the window.
 */
export class RateMeter {
  readonly #samples: { readonly atMs: number; readonly total: number }[] = [];

  /** Notes that `total` bytes were there at `atMs`. */
  add(total: number, atMs: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && total < last.total) this.#samples.length = 0;
    // Samples closer than 100 ms say no more than one; so the list stays short.
    const beforeLast = this.#samples.at(-2);
    if (last !== undefined && beforeLast !== undefined && last.atMs - beforeLast.atMs < 100) {
      this.#samples.pop();
    }
    this.#samples.push({ atMs, total });
    while (this.#samples.length > 2 && atMs - (this.#samples[1]?.atMs ?? atMs) >= WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** Forgets what was seen: after a pause, the time that it took is not the transfer's. */
  reset(): void {
    this.#samples.length = 0;
  }

  /** Bytes a second; 0 until two samples are there, and after five seconds of silence. */
  bytesPerSecond(nowMs: number): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || nowMs - last.atMs >= WINDOW_MS) return 0;
    const elapsedMs = Math.max(nowMs, last.atMs) - first.atMs;
    return elapsedMs <= 0 ? 0 : (last.total - first.total) / elapsedMs * 1000;
  }
}
