import { type CongestionControl, INITIAL_PACKETS, LEAST_PACKETS, type PathSample } from "./congestion.ts";

/** RFC 9438 section 4.1, section 4.6. */
const C = 0.4;
const BETA = 0.7;
/** Pacing, as RFC 9002 section 7.7 has it, so that the window and not the pace is the bound. */
const PACE_GAIN = 1.25;
const STARTUP_PACE_GAIN = 2;
const US = 1_000_000;

/** CUBIC (RFC 9438) on the terms of RFC 9002 section 7: for paths that are shared with TCP. */
export class Cubic implements CongestionControl {
  #datagramBytes: number;
  #window: number;
  #threshold = Infinity;
  #smoothedUs = 0;
  /** Where the window was when a packet was lost, in packets, and when it began to grow from there. */
  #largest = 0;
  #epochUs = -1;
  /** How long it takes to be back there, in seconds. */
  #k = 0;
  /** What Reno would have (RFC 9438 section 4.3). */
  #reno = 0;
  /** Packets that were sent before do not count as lost once more. */
  #recoveryUs = -Infinity;

  /** @param windowBytes To begin with, beyond what is found out by doubling. Default: to begin by doubling. */
  constructor(datagramBytes: number, windowBytes?: number) {
    this.#datagramBytes = datagramBytes;
    this.#window = windowBytes ?? INITIAL_PACKETS * datagramBytes;
    if (windowBytes !== undefined) this.#threshold = windowBytes;
  }

  get windowBytes(): number {
    return this.#window;
  }

  get bytesPerUs(): number {
    if (this.#smoothedUs === 0) return Infinity;
    const gain = this.#window < this.#threshold ? STARTUP_PACE_GAIN : PACE_GAIN;
    return gain * this.#window / this.#smoothedUs;
  }

  observed(sample: PathSample): void {
    if (sample.lostSentUs > this.#recoveryUs) this.backOff(sample.nowUs);
    this.grow(sample);
  }

  /** What an ACK allows to have under way more, whatever was lost. */
  grow(sample: PathSample): void {
    this.#datagramBytes = sample.datagramBytes;
    this.#smoothedUs = sample.smoothedUs;
    // A window that is not used does not grow (RFC 9002 section 7.8); nor does it for packets of before the loss.
    const isUsed = sample.priorBytes + sample.datagramBytes >= this.#window / 2 && !sample.isStarved;
    if (isUsed && sample.ackedSentUs > this.#recoveryUs) this.#grow(sample);
  }

  /** Two timeouts in a row are persistent congestion (RFC 9002 section 7.6), near enough. */
  timedOut(times: number): void {
    if (times < 2) return;
    this.#threshold = Math.max(this.#least, BETA * this.#window);
    this.#window = this.#least;
    this.#epochUs = -1;
  }

  get #least(): number {
    return LEAST_PACKETS * this.#datagramBytes;
  }

  #grow({ ackedBytes, nowUs }: PathSample): void {
    if (this.#window < this.#threshold) {
      this.#window += ackedBytes;
      return;
    }
    const packets = this.#window / this.#datagramBytes;
    if (this.#epochUs < 0) {
      this.#epochUs = nowUs;
      this.#largest = Math.max(this.#largest, packets);
      this.#k = Math.cbrt((this.#largest - packets) / C);
      this.#reno = packets;
    }
    const acked = ackedBytes / this.#datagramBytes;
    const seconds = (nowUs + this.#smoothedUs - this.#epochUs) / US - this.#k;
    const target = Math.min(1.5 * packets, Math.max(packets, this.#largest + C * seconds ** 3));
    const alpha = this.#reno < this.#largest ? 3 * (1 - BETA) / (1 + BETA) : 1;
    this.#reno += alpha * acked / packets;
    const grown = packets + (target - packets) * acked / packets;
    this.#window = Math.max(grown, this.#reno) * this.#datagramBytes;
  }

  /** A queue has dropped. */
  backOff(nowUs: number): void {
    this.#recoveryUs = nowUs;
    const packets = this.#window / this.#datagramBytes;
    // Section 4.7: who did not get back to where it was leaves room for others.
    this.#largest = packets < this.#largest ? packets * (1 + BETA) / 2 : packets;
    this.#window = Math.max(this.#least, BETA * this.#window);
    this.#threshold = this.#window;
    this.#epochUs = -1;
  }
}
