/** Least time before a plain datagram is sent again (RFC 6298 section 2.4). */
const LEAST_MS = 1000;
const MOST_MS = 8000;

/** When a datagram that is sent and waited for one at a time is sent again: RFC 6298. Times are milliseconds. */
export class PlainTimer {
  #smoothedMs = 0;
  #variationMs = 0;
  #leastRoundTripMs = Infinity;
  #timeoutMs = LEAST_MS;
  #sentAtMs = 0;
  #copies = 0;
  /** Whether answers to copies of the one before may still come. */
  #hasStrays = false;

  /** When to send again what was sent last. */
  get expiresAtMs(): number {
    return this.#sentAtMs + this.#timeoutMs;
  }

  /** Something was sent. @param isNew Whether it is not the same as before. */
  sent(nowMs: number, isNew: boolean): void {
    if (isNew) {
      this.#hasStrays = this.#copies > 1;
      this.#copies = 0;
    } else {
      // Section 5.5: back off.
      this.#timeoutMs = Math.min(MOST_MS, 2 * this.#timeoutMs);
    }
    this.#copies++;
    this.#sentAtMs = nowMs;
  }

  /**
   * An answer has come.
   *
   * @returns `false`: it is to a copy of what was sent before, since none to this could be here yet.
   */
  acknowledged(nowMs: number): boolean {
    const roundTripMs = nowMs - this.#sentAtMs;
    if (this.#hasStrays && this.#copies === 1 && roundTripMs < this.#leastRoundTripMs / 2) return false;
    // Section 3 (Karn): of what was sent twice it is not known which one was answered.
    if (this.#copies === 1) this.#measured(roundTripMs);
    return true;
  }

  #measured(roundTripMs: number): void {
    const isFirst = this.#leastRoundTripMs === Infinity;
    this.#leastRoundTripMs = Math.min(this.#leastRoundTripMs, roundTripMs);
    const deviationMs = Math.abs(this.#smoothedMs - roundTripMs);
    this.#variationMs = isFirst ? roundTripMs / 2 : 0.75 * this.#variationMs + 0.25 * deviationMs;
    this.#smoothedMs = isFirst ? roundTripMs : 0.875 * this.#smoothedMs + 0.125 * roundTripMs;
    const timeoutMs = this.#smoothedMs + 4 * this.#variationMs;
    this.#timeoutMs = Math.min(MOST_MS, Math.max(LEAST_MS, timeoutMs));
  }
}
