import { TokenBucket } from "./token_bucket.ts";

/** A rate that many share in turns: nobody gets a second portion before all who wait got their first. */
export class RateShare implements Disposable {
  readonly #bucket: TokenBucket;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(bytesPerSecond: number) {
    this.#bucket = new TokenBucket({ bytesPerSecond, nowMs: performance.now() });
  }

  /** The most to ask for at once, in bytes, so that the others need not wait long. */
  get portionBytes(): number {
    return this.#bucket.portionBytes;
  }

  /** Waits for the next turn and takes so many bytes. What was not needed is to be given back. */
  take(bytes: number): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, go: resolve });
    if (this.#timer === undefined) this.#serve();
    return promise;
  }

  /** Gives back what was taken and not used. */
  giveBack(bytes: number): void {
    this.#bucket.spend(-bytes, performance.now());
  }

  /** Lets all go who wait: the rate is no more. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const { go } of this.#waiting.splice(0)) go();
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
      next.go();
    }
  }
}
