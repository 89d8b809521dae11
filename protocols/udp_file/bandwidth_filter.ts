/** For how many rounds a bandwidth is believed. */
export const BANDWIDTH_ROUNDS = 10;

/** The highest bandwidth of the last rounds, in bytes a microsecond (BBR, section 4.1.1: BBR.max_bw). */
export class BandwidthFilter {
  readonly #rounds = new Float64Array(BANDWIDTH_ROUNDS);
  #round = 0;
  #most = 0;

  /** 0: none was measured. */
  get most(): number {
    return this.#most;
  }

  /** It was seen in this round. */
  measured(bytesPerUs: number): void {
    const i = this.#round % BANDWIDTH_ROUNDS;
    this.#rounds[i] = Math.max(this.#rounds[i] ?? 0, bytesPerUs);
    this.#most = Math.max(...this.#rounds);
  }

  /** What was seen longest ago is forgotten. */
  nextRound(): void {
    this.#round++;
    this.#rounds[this.#round % BANDWIDTH_ROUNDS] = 0;
    this.#most = Math.max(...this.#rounds);
  }

  /** Half of it may still be there. */
  halve(): void {
    for (let i = 0; i < BANDWIDTH_ROUNDS; i++) this.#rounds[i] = (this.#rounds[i] ?? 0) / 2;
    this.#most /= 2;
  }
}
