import { MAX_ACK_DELAY_US } from "./acks.ts";
import type { PathSample } from "./congestion.ts";

/**
 * ACKs that come late, or in heaps, would leave the path empty in between: how much more was acknowledged at
 * once than arrives in that time, over the last rounds (Linux: `bbr_update_ack_aggregation`).
 */
export class AckHeaps {
  readonly #heaps: Float64Array;
  #round = 0;
  #most = 0;
  #sinceUs = 0;
  #ackedBytes = 0;

  /** @param rounds How many are remembered. */
  constructor(rounds: number) {
    this.#heaps = new Float64Array(rounds);
  }

  /** The largest heap. */
  get bytes(): number {
    return this.#most;
  }

  /**
   * An ACK has come.
   *
   * @param bandwidth In bytes a microsecond.
   * @param product Of bandwidth and delay, in bytes: more is no heap, unless an ACK was held back for so long.
   */
  acked({ ackedBytes, nowUs }: PathSample, bandwidth: number, product: number): void {
    let expected = bandwidth * (nowUs - this.#sinceUs);
    if (this.#ackedBytes <= expected) {
      this.#sinceUs = nowUs;
      this.#ackedBytes = 0;
      expected = 0;
    }
    this.#ackedBytes += ackedBytes;
    const heap = Math.min(this.#ackedBytes - expected, Math.max(product, MAX_ACK_DELAY_US * bandwidth));
    this.#heaps[this.#round] = Math.max(this.#heaps[this.#round] ?? 0, heap);
    this.#most = Math.max(this.#most, heap);
  }

  nextRound(): void {
    this.#round = (this.#round + 1) % this.#heaps.length;
    this.#heaps[this.#round] = 0;
    this.#most = Math.max(...this.#heaps);
  }
}
