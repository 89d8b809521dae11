/** What may leave at once, whatever the rate: a third of what a receiving socket's buffer holds. */
const BURST_BYTES = 48 * 1024;
/** After a late wake-up, what was missed may be made up for, as far as such a buffer takes it. */
const MOST_BURST_BYTES = 128 * 1024;
const MISSED_US = 8000;
/** Beyond that, timers could not keep up. */
const LEAST_BURST_US = 1500;
/** What is sent at one wake-up. */
const TICK_US = 1000;

/** Spreads packets over time: a bucket that fills at the rate at which they are to leave. */
export class Pacer {
  #bytesPerUs = Infinity;
  #budget = BURST_BYTES;
  #atUs: number;

  constructor(nowUs: number) {
    this.#atUs = nowUs;
  }

  /** Changes the rate, in bytes a microsecond. `Infinity`: nothing is held back. */
  setRate(bytesPerUs: number, nowUs: number): void {
    this.#fill(nowUs);
    this.#bytesPerUs = bytesPerUs;
    this.#budget = Math.min(this.#budget, this.#mostBytes());
  }

  /** Whether a packet may leave now. */
  mayLeave(nowUs: number): boolean {
    this.#fill(nowUs);
    return this.#bytesPerUs === Infinity || this.#budget > 0;
  }

  /** A packet has left. */
  left(bytes: number): void {
    if (this.#bytesPerUs !== Infinity) this.#budget -= bytes;
  }

  /** When to send again, as much as is worth a wake-up. */
  get readyUs(): number {
    if (this.#bytesPerUs === Infinity) return this.#atUs;
    const wanted = Math.min(BURST_BYTES, Math.max(1, this.#bytesPerUs * TICK_US));
    return this.#atUs + Math.max(0, wanted - this.#budget) / this.#bytesPerUs;
  }

  #fill(nowUs: number): void {
    if (this.#bytesPerUs !== Infinity) {
      this.#budget = Math.min(this.#mostBytes(), this.#budget + (nowUs - this.#atUs) * this.#bytesPerUs);
    }
    this.#atUs = nowUs;
  }

  #mostBytes(): number {
    if (this.#bytesPerUs === Infinity) return BURST_BYTES;
    const missed = Math.min(MOST_BURST_BYTES, this.#bytesPerUs * MISSED_US);
    return Math.max(BURST_BYTES, missed, this.#bytesPerUs * LEAST_BURST_US);
  }
}
