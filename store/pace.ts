/** A call that took longer, in milliseconds, did not go to memory alone, or this thread lost its processor. */
const QUICK_MS = 4;
/** How many calls are left to other threads after a slow one, and after slow ones again and again. */
const FEWEST_AFTER_SLOW = 4;
const MOST_AFTER_SLOW = 64;

/**
 * Whether calls are done at once. After a slow one the next are left to other threads, which costs a short one
 * many times its time, and holds nothing up. One that is slow by chance, as others want the processor too, costs
 * little; where each that is tried again is slow, it is tried ever more seldom.
 */
export class Pace {
  readonly #nowMs: () => number;
  #leftToThreads = 0;
  #nextAfterSlow = FEWEST_AFTER_SLOW;

  /** @param nowMs A clock, in milliseconds. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether the next call is done at once. */
  get isQuick(): boolean {
    return this.#leftToThreads === 0;
  }

  /** Does what both do, in the one way or the other. */
  async run<T>(atOnce: () => T, inThread: () => Promise<T>): Promise<T> {
    if (this.#isLeftToThread()) return await inThread();
    const startedMs = this.#nowMs();
    try {
      return atOnce();
    } finally {
      this.#note(this.#nowMs() - startedMs);
    }
  }

  /**
   * Does something with each of some items, as {@linkcode Pace.run} does it with one: those that are done at once
   * in order and without a promise each, those that are left to threads side by side.
   *
   * @throws What the first that fails throws, once none is under way any more.
   */
  async each<T>(
    items: readonly T[],
    { atOnce, inThread }: {
      readonly atOnce: (item: T) => void;
      readonly inThread: (item: T) => Promise<void>;
    },
  ): Promise<void> {
    const waiting: Promise<void>[] = [];
    try {
      let startedMs = this.#nowMs();
      for (const item of items) {
        if (this.#isLeftToThread()) {
          waiting.push(inThread(item));
          continue;
        }
        atOnce(item);
        const nowMs = this.#nowMs();
        this.#note(nowMs - startedMs);
        startedMs = nowMs;
      }
    } finally {
      await Promise.allSettled(waiting);
    }
    await Promise.all(waiting);
  }

  #isLeftToThread(): boolean {
    return this.#leftToThreads > 0 && this.#leftToThreads-- > 0;
  }

  #note(tookMs: number): void {
    if (tookMs <= QUICK_MS) {
      this.#nextAfterSlow = FEWEST_AFTER_SLOW;
    } else {
      this.#leftToThreads = this.#nextAfterSlow;
      this.#nextAfterSlow = Math.min(4 * this.#nextAfterSlow, MOST_AFTER_SLOW);
    }
  }
}
