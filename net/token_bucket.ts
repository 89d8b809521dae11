/** What may be spent at once after a rest, as a time. */
const BURST_MS = 200;

/**
 * Bounds a rate. What has been spent is paid for afterwards, so that nothing is lost to who asked for more
 * than came: wait for {@linkcode waitMs}, then spend.
 */
export class TokenBucket {
  readonly #perMs: number;
  #balance: number;
  #atMs: number;

  constructor({ bytesPerSecond, nowMs }: { readonly bytesPerSecond: number; readonly nowMs: number }) {
    this.#perMs = bytesPerSecond / 1000;
    this.#balance = this.#perMs * BURST_MS;
    this.#atMs = nowMs;
  }

  /** How long to wait before more may be spent, in milliseconds. */
  waitMs(nowMs: number): number {
    this.#earn(nowMs);
    return this.#balance > 0 ? 0 : Math.ceil((1 - this.#balance) / this.#perMs);
  }

  /** Whether nothing was spent of late: a new one would allow no more. */
  isFull(nowMs: number): boolean {
    this.#earn(nowMs);
    return this.#balance === this.#perMs * BURST_MS;
  }

  /** What to spend at once at most, so that several who share the rate take turns. */
  get portionBytes(): number {
    return Math.max(1024, Math.floor(this.#perMs * BURST_MS / 4));
  }

  spend(bytes: number, nowMs: number): void {
    this.#earn(nowMs);
    this.#balance -= bytes;
  }

  #earn(nowMs: number): void {
    const earned = (nowMs - this.#atMs) * this.#perMs;
    this.#balance = Math.min(this.#perMs * BURST_MS, this.#balance + earned);
    this.#atMs = nowMs;
  }
}
