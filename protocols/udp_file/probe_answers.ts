/** Least loss that has to be explained. */
const LEAST_LOSS = 0.04;
/** How far a round up has to go to tell something. */
const FILLED_SHARE = 1.1;
/** What an own queue adds to the shortest round trip. */
const ANSWER_SHARE = 0.04;
const ANSWER_US = 1000;
const ANSWER_GROWTH = 1.1;
/** So many rounds up in a row without an answer. */
const MOST_UNANSWERED = 2;

/**
 * Whether a path answers when more is sent: a queue that is this connection's own grows, or more arrives. When
 * neither happens and much is lost, others keep the queue full all the time, so that its delay was never seen to
 * be one.
 */
export class ProbeAnswers {
  #isUp = false;
  #isFilled = false;
  #bandwidth = 0;
  #peakUs = 0;
  #acked = 0;
  #lost = 0;
  #unanswered = 0;

  /** More is being sent from now on. */
  begin(bytesPerUs: number): void {
    this.#isUp = true;
    this.#isFilled = false;
    this.#bandwidth = bytesPerUs;
    this.#peakUs = this.#acked = this.#lost = 0;
  }

  /** What an ACK told meanwhile. */
  observed(roundTripUs: number, acked: number, lost: number): void {
    this.#peakUs = Math.max(this.#peakUs, roundTripUs);
    this.#acked += acked;
    this.#lost += lost;
  }

  /** So much was under way at most, as a share of what fits on the path. */
  reached(share: number): void {
    this.#isFilled ||= share >= FILLED_SHARE;
  }

  /** What was sent then has arrived. @returns Whether the path has not answered, several times in a row. */
  end(bytesPerUs: number, leastUs: number): boolean {
    const lossShare = this.#lost / Math.max(1, this.#acked + this.#lost);
    const isTold = this.#isUp && this.#isFilled && lossShare > LEAST_LOSS;
    this.#isUp = false;
    if (!isTold) return false;
    const isAnswered = this.#peakUs > (1 + ANSWER_SHARE) * leastUs + ANSWER_US ||
      bytesPerUs > ANSWER_GROWTH * this.#bandwidth;
    this.#unanswered = isAnswered ? 0 : this.#unanswered + 1;
    return this.#unanswered >= MOST_UNANSWERED;
  }
}
