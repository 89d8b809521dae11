import { TokenBucket } from "./token_bucket.ts";

interface Turn {
  readonly bytes: number;
  /** Ends the wait, with how many bytes it was granted. */
  readonly go: (bytes: number) => void;
}

/** A rate that many share in turns: nobody gets a second portion before all who wait got their first. */
export class RateShare implements Disposable {
  readonly #bucket: TokenBucket;
  readonly #waiting: Turn[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(bytesPerSecond: number) {
    this.#bucket = new TokenBucket({ bytesPerSecond, nowMs: performance.now() });
  }

  /**
   * Waits for the next turn and takes what is wanted, a portion at most, so that the others need not wait long.
   * What was not needed is to be given back.
   *
   * @returns How many bytes; 0 when the signal came first.
   */
  async take(wanted: number, signal?: AbortSignal): Promise<number> {
    if (signal?.aborted) return 0;
    const bytes = Math.min(wanted, this.#bucket.portionBytes);
    if (this.#isOver) return bytes;
    const { promise, resolve } = Promise.withResolvers<number>();
    const turn = { bytes, go: resolve };
    this.#waiting.push(turn);
    const leave = () => {
      const at = this.#waiting.indexOf(turn);
      // It may have been its turn just now.
      if (at >= 0) this.#waiting.splice(at, 1);
      resolve(0);
    };
    signal?.addEventListener("abort", leave, { once: true });
    if (this.#timer === undefined) this.#serve();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  /** Gives back what was taken and not used. */
  giveBack(bytes: number): void {
    this.#bucket.spend(-bytes, performance.now());
  }

  /** Lets all go who wait: the rate is no more. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const { bytes, go } of this.#waiting.splice(0)) go(bytes);
  }

  #serve(): void {
    this.#timer = undefined;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const nowMs = performance.now();
      const waitMs = this.#bucket.waitMs(nowMs);
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#serve(), waitMs);
        return;
      }
      this.#bucket.spend(next.bytes, nowMs);
      this.#waiting.shift();
      next.go(next.bytes);
    }
  }
}
