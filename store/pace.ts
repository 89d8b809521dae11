/** A call that took longer, in milliseconds, did not go to memory alone. */
const QUICK_MS = 4;
const CALLS_AFTER_SLOW = 64;

/**
 * Whether calls are done at once. After a slow one the next are left to other threads, which costs a short one
 * many times its time, and holds nothing up.
 */
export class Pace {
  #leftToThreads = 0;

  /** Does what both do, in the one way or the other. */
  async run<T>(atOnce: () => T, inThread: () => Promise<T>): Promise<T> {
    if (this.#isLeftToThread()) return await inThread();
    const startedMs = performance.now();
    try {
      return atOnce();
    } finally {
      this.#note(performance.now() - startedMs);
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
      let startedMs = performance.now();
      for (const item of items) {
        if (this.#isLeftToThread()) {
          waiting.push(inThread(item));
          continue;
        }
        atOnce(item);
        const nowMs = performance.now();
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
    if (tookMs > QUICK_MS) this.#leftToThreads = CALLS_AFTER_SLOW;
  }
}
