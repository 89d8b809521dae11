import { type CongestionControl, LEAST_PACKETS, type PathSample } from "./congestion.ts";

/**
 * What a receiving socket holds: Linux gives it 212,992 bytes by default, and counts a datagram of Ethernet's size
 * as 2304 of them, a larger one by its pages: 92 of 1472 bytes fit, 12 of 16 KiB and 4 of 48 KiB.
 */
const SMALL_BYTES = 2048;
const MOST_SMALL = 80;
const MOST_BYTES = 192 * 1024;
const MIDDLE_BYTES = 12_000;
const MOST_MIDDLE_BYTES = 88 * 1024;
/** What is left under way when the buffer was found smaller than that. */
const BACK_OFF = 0.75;
/** In so many windows without loss it grows by a datagram. */
const PATIENT_WINDOWS = 32;

/**
 * Congestion control of a path that does not leave the machine. There is no link with a rate of its own and no
 * queue but the receiver's buffer, so ACKs are the only clock: as much is under way as that buffer holds, and
 * nothing is paced, as no timer is fine enough. On systems with smaller buffers loss finds how much it is.
 */
export class LoopbackWindow implements CongestionControl {
  readonly bytesPerUs = Infinity;
  #datagramBytes: number;
  /** Share of what the buffer should hold. */
  #share = 1;
  #isCutOff = false;
  /** Packets that were sent before were lost with those that were answered for. */
  #recoveryUs = -Infinity;

  constructor(datagramBytes: number) {
    this.#datagramBytes = datagramBytes;
  }

  get windowBytes(): number {
    const least = LEAST_PACKETS * this.#datagramBytes;
    return this.#isCutOff ? least : Math.max(least, this.#share * this.#mostBytes);
  }

  observed(sample: PathSample): void {
    this.#datagramBytes = sample.datagramBytes;
    if (sample.ackedSentUs !== -Infinity) this.#isCutOff = false;
    if (sample.lostSentUs > this.#recoveryUs) {
      this.#recoveryUs = sample.nowUs;
      this.#share = Math.max(LEAST_PACKETS * this.#datagramBytes / this.#mostBytes, BACK_OFF * this.#share);
      return;
    }
    const windows = sample.ackedBytes / this.windowBytes;
    this.#share = Math.min(
      1,
      this.#share + windows * this.#datagramBytes / this.#mostBytes / PATIENT_WINDOWS,
    );
  }

  timedOut(times: number): void {
    this.#isCutOff = times >= 2;
  }

  get #mostBytes(): number {
    if (this.#datagramBytes <= SMALL_BYTES) return MOST_SMALL * this.#datagramBytes;
    return this.#datagramBytes < MIDDLE_BYTES ? MOST_MIDDLE_BYTES : MOST_BYTES;
  }
}
