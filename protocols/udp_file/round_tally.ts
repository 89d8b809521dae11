import type { PathSample } from "./congestion.ts";

/** What became of the packets of a round, and how long they took. */
export class RoundTally {
  acked = 0;
  lost = 0;
  #tripsUs = 0;
  #trips = 0;

  /** On average, in microseconds; 0: none was measured. */
  get roundTripUs(): number {
    return this.#tripsUs / Math.max(1, this.#trips);
  }

  observed({ ackedPackets, lostPackets, roundTripUs }: PathSample): void {
    this.acked += ackedPackets;
    this.lost += lostPackets;
    if (roundTripUs === 0) return;
    this.#tripsUs += roundTripUs;
    this.#trips++;
  }

  /** The next round begins. */
  clear(): void {
    this.acked =
      this.lost =
      this.#tripsUs =
      this.#trips =
        0;
  }
}
