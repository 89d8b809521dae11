/** What a round trip takes before one was measured, in microseconds (RFC 9002 section 6.2.2). */
const INITIAL_US = 333_000;
/** Timers are no finer than that (RFC 9002 section 6.1.2). */
export const GRANULARITY_US = 1000;

/** The round trip of a path: RFC 9002 section 5, after RFC 6298. All in microseconds. */
export class RoundTrip {
  #smoothedUs = INITIAL_US;
  #variationUs = INITIAL_US / 2;
  #latestUs = INITIAL_US;
  #leastUs = Infinity;

  /** @param handshakeUs What the handshake took, if it is known. */
  constructor(handshakeUs?: number) {
    if (handshakeUs !== undefined) this.measured(handshakeUs, 0);
  }

  get isMeasured(): boolean {
    return this.#leastUs !== Infinity;
  }

  get smoothedUs(): number {
    return this.#smoothedUs;
  }

  /** The shortest ever; `Infinity`: none was measured. */
  get leastUs(): number {
    return this.#leastUs;
  }

  /** The larger of the smoothed and the last one: what loss is judged by (RFC 9002 section 6.1.2). */
  get recentUs(): number {
    return Math.max(this.#smoothedUs, this.#latestUs);
  }

  /** How long to wait for an ACK of the last packet: section 6.2.1, without the peer's delay. */
  get timeoutUs(): number {
    return this.#smoothedUs + Math.max(4 * this.#variationUs, GRANULARITY_US);
  }

  /**
   * An ACK has come.
   *
   * @param elapsedUs Since its newest packet was sent.
   * @param ackDelayUs How long the peer says that it held it. Never taken to make it shorter than the shortest.
   */
  measured(elapsedUs: number, ackDelayUs: number): void {
    const isFirst = !this.isMeasured;
    this.#leastUs = Math.min(this.#leastUs, elapsedUs);
    const adjustedUs = elapsedUs >= this.#leastUs + ackDelayUs ? elapsedUs - ackDelayUs : elapsedUs;
    this.#latestUs = adjustedUs;
    const deviationUs = Math.abs(this.#smoothedUs - adjustedUs);
    this.#variationUs = isFirst ? adjustedUs / 2 : 0.75 * this.#variationUs + 0.25 * deviationUs;
    this.#smoothedUs = isFirst ? adjustedUs : 0.875 * this.#smoothedUs + 0.125 * adjustedUs;
  }
}
