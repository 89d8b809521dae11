/** What is kept at most of the highest bandwidth that was seen, and where that begins. */
const MOST_SHARE = 0.5;
const FIRST_SHARE = 0.02;
/** By what it changes each round. */
const CHANGE = 1.1;
/** Flows that slow down for loss lose less than this, and flows that keep more than there is lose more than that. */
const LEAST_LOSS = 0.015;
const MOST_LOSS = 0.1;
/** Loss is averaged over so many rounds. */
const LOSS_ROUNDS = 20;

/**
 * The rate that is kept beside others. Who slows down for each full queue gets next to nothing beside those who do
 * not, as BBR version 1 (Ware and others, "Modeling BBR's Interactions with Loss-Based Congestion Control", IMC
 * 2019): they show by a queue that goes on dropping.
 */
export class KeptRate {
  #mostBytesPerUs = 0;
  #share = 0;
  #loss = 0;

  /** In bytes a microsecond. */
  get bytesPerUs(): number {
    return this.#share * this.#mostBytesPerUs;
  }

  /** So fast do bytes arrive now. */
  measured(bytesPerUs: number): void {
    this.#mostBytesPerUs = Math.max(this.#mostBytesPerUs, bytesPerUs);
  }

  /** A round beside others is over. @param ownShare What the path loses by itself. */
  endRound(acked: number, lost: number, ownShare: number): void {
    this.#loss += (lost / Math.max(1, acked + lost) - ownShare - this.#loss) / LOSS_ROUNDS;
    if (this.#loss > MOST_LOSS) this.#share /= CHANGE;
    else if (this.#loss > LEAST_LOSS) {
      this.#share = Math.min(MOST_SHARE, CHANGE * Math.max(FIRST_SHARE, this.#share));
    }
  }

  /** Nobody is there beside whom it would have to be kept. */
  release(): void {
    this.#share = 0;
    this.#loss = 0;
  }

  /** The path may be another one. */
  forget(): void {
    this.release();
    this.#mostBytesPerUs = 0;
  }
}
