/** A queue holds packets back for more than this, of the shortest round trip and besides. */
const QUEUE_SHARE = 0.1;
const QUEUE_US = 2000;
/** All packets of half a round trip were held back. */
const STANDING_ROUNDS = 0.5;
/** In less, a machine that was busy gets through what has waited for it. */
const LEAST_STANDING_US = 10_000;
/** A queue that drops is as long as it was when it dropped before; nearly so, as that is forgotten in such a time. */
const FULL_SHARE = 0.5;
const FORGOTTEN_US = 10_000_000;

/**
 * Whether packets queue on a path, by the round trips of those that come. A queue of the path holds back one
 * packet after the other; an end that had something else to do holds back some, and the next are as fast as ever.
 */
export class StandingQueue {
  /** Since when all were held back, and the longest round trip since; `Infinity`: the last one was not. */
  #sinceUs = Infinity;
  #peakUs = 0;
  #lastUs = -Infinity;
  /** By how much the longest queue of late held packets back. */
  #longestUs = 0;
  #nowUs = 0;

  /** When the queue was last seen to stand; `-Infinity`: never. */
  get lastUs(): number {
    return this.#lastUs;
  }

  /** Whether a round trip shows that a packet was held back. */
  holdsBack(roundTripUs: number, leastUs: number): boolean {
    return roundTripUs > (1 + QUEUE_SHARE) * leastUs + QUEUE_US;
  }

  /** A round trip was measured. */
  measured(roundTripUs: number, leastUs: number, nowUs: number): void {
    this.#longestUs *= Math.max(0, 1 - (nowUs - this.#nowUs) / FORGOTTEN_US);
    this.#nowUs = nowUs;
    if (!this.holdsBack(roundTripUs, leastUs)) {
      this.#sinceUs = Infinity;
      return;
    }
    if (this.#sinceUs === Infinity) {
      this.#sinceUs = nowUs;
      this.#peakUs = 0;
    }
    this.#peakUs = Math.max(this.#peakUs, roundTripUs);
    if (nowUs - this.#sinceUs < Math.max(LEAST_STANDING_US, STANDING_ROUNDS * leastUs)) return;
    this.#lastUs = nowUs;
    this.#longestUs = Math.max(this.#longestUs, this.#peakUs - leastUs);
  }

  /** Whether it stands now, and is so long that it may drop packets. */
  isFull(leastUs: number): boolean {
    return this.#sinceUs !== Infinity && this.#lastUs >= this.#sinceUs &&
      this.#peakUs - leastUs >= FULL_SHARE * this.#longestUs;
  }
}
