/** What is left under way by a queue that drops (BBR version 3: Beta). */
export const BACK_OFF = 0.7;
/** By what it is raised when more was sent and nothing dropped. */
const RAISE = 1.25;

/** What may be under way, in bytes, after a queue was seen to drop. */
export class WindowCeiling {
  #bytes = Infinity;
  #hasDropped = false;

  /** `Infinity`: there is none. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A queue has dropped. @param priorBytes Were under way. */
  lower(priorBytes: number, leastBytes: number): void {
    this.#bytes = Math.max(leastBytes, BACK_OFF * Math.min(this.#bytes, priorBytes));
    this.#hasDropped = true;
  }

  /** A round in which more was sent is over. @param needlessBytes Nothing needs a ceiling above that. */
  endRise(needlessBytes: number): void {
    if (!this.#hasDropped) this.#bytes *= RAISE;
    if (this.#bytes > needlessBytes) this.lift();
    this.#hasDropped = false;
  }

  /** There is none any more. */
  lift(): void {
    this.#bytes = Infinity;
  }
}
