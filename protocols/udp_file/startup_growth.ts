/** The path is full when so many rounds brought less than a quarter more (BBR, section 4.3.1.2). */
const FULL_ROUNDS = 3;
const FULL_GROWTH = 1.25;

/** Whether the bandwidth still grows while what is sent is doubled each round. */
export class StartupGrowth {
  #bytesPerUs = 0;
  #roundsWithout = 0;

  /** Whether the last round that counts brought more; true before the first. */
  get isGrowing(): boolean {
    return this.#roundsWithout === 0;
  }

  /** A round is over. @returns Whether the path is full. */
  endRound(bytesPerUs: number): boolean {
    if (bytesPerUs < FULL_GROWTH * this.#bytesPerUs) return ++this.#roundsWithout >= FULL_ROUNDS;
    this.#bytesPerUs = bytesPerUs;
    this.#roundsWithout = 0;
    return false;
  }

  /** The path may be another one. */
  forget(): void {
    this.#bytesPerUs = 0;
    this.#roundsWithout = 0;
  }
}
