import { StandingQueue } from "./standing_queue.ts";

/** For how long a shortest round trip is believed. */
const BELIEVED_US = 10_000_000;

/** What the round trips of a path tell: how long it is, and whether packets queue. All in microseconds. */
export class PathDelay {
  #leastUs = Infinity;
  #leastAtUs = 0;
  readonly #queue = new StandingQueue();
  #isBlind = false;

  /** The shortest of late; `Infinity`: none was measured. */
  get leastUs(): number {
    return this.#leastUs;
  }

  /** Whether the queue was always full, so that round trips tell nothing of it. */
  get isBlind(): boolean {
    return this.#isBlind;
  }

  set isBlind(isBlind: boolean) {
    this.#isBlind = isBlind;
  }

  /** Whether a queue is so long that it may drop packets. */
  get isFull(): boolean {
    return this.#isBlind || this.#queue.isFull(this.#leastUs);
  }

  /** Whether packets queue, for all that is known. */
  hasQueuedSince(atUs: number): boolean {
    return this.#isBlind || this.#queue.lastUs > atUs;
  }

  /** Whether it is to be looked what the shortest is. */
  isOld(nowUs: number): boolean {
    return nowUs > this.#leastAtUs + BELIEVED_US;
  }

  /** Nothing shorter was found. */
  confirm(nowUs: number): void {
    this.#leastAtUs = nowUs;
  }

  /** Whether a packet was held back. */
  isQueued(roundTripUs: number): boolean {
    return this.#queue.holdsBack(roundTripUs, this.#leastUs);
  }

  /**
   * A round trip was measured.
   *
   * @param isDrained Whether nothing of this connection's own queues.
   * @returns Whether it is so much shorter that all before have held a queue.
   */
  measured(roundTripUs: number, nowUs: number, isDrained: boolean): boolean {
    const before = this.#leastUs;
    this.#queue.measured(roundTripUs, Math.min(before, roundTripUs), nowUs);
    if (roundTripUs <= before || (isDrained && this.isOld(nowUs))) {
      this.#leastUs = roundTripUs;
      this.#leastAtUs = nowUs;
    }
    return before !== Infinity && this.#queue.holdsBack(before, roundTripUs);
  }
}
