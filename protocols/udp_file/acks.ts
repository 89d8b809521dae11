import { type Ack, MAX_ACK_RANGES } from "./packets.ts";

/** Ranges that are remembered: more than an ACK holds, as gaps between the older ones may still be filled. */
const MAX_RANGES = 4 * MAX_ACK_RANGES;
/** Most that an ACK may be held back, in microseconds: a sender counts on it. */
export const MAX_ACK_DELAY_US = 25_000;
const LEAST_ACK_DELAY_US = 1000;
/** Most time between two ACKs of many: who only receives may not know how short the round trip has become. */
const MOST_SPACING_US = 4000;
/** So many packets are acknowledged two by two, as a sender that starts learns the path from ACKs. */
const EAGER_PACKETS = 64;
/** Most packets and bytes that one ACK waits for: less than what a socket's buffer holds. */
const MOST_PACKETS = 64;
const MOST_BYTES = 24 * 1024;

/**
 * Which numbered packets have come: ranges, newest first. Those that are too old to be remembered count as
 * having come; their sender repeats what it hears nothing of, under another number.
 */
export class ReceivedNumbers {
  /** Pairs of first and last. */
  readonly #ranges = new Uint32Array(2 * MAX_RANGES);
  #count = 0;
  /** All up to this are forgotten. */
  #forgotten = 0;
  #received = 0;

  /** Largest that came; 0: none. */
  get largest(): number {
    return this.#count === 0 ? 0 : this.#at(1);
  }

  /** How many came, without repetitions. */
  get received(): number {
    return this.#received;
  }

  /** Notes a number. @returns `false`: it was there before, or is too old to know. */
  add(number: number): boolean {
    if (number <= this.#forgotten) return false;
    let i = 0;
    while (i < this.#count && this.#at(2 * i) > number) i++;
    // Ranges before i begin behind the number; that at i begins at it or before.
    if (i < this.#count && this.#at(2 * i + 1) >= number) return false;
    const isBehind = i < this.#count && this.#at(2 * i + 1) === number - 1;
    const isBefore = i > 0 && this.#at(2 * i - 2) === number + 1;
    if (isBehind && isBefore) {
      this.#ranges[2 * i - 2] = this.#at(2 * i);
      this.#remove(i);
    } else if (isBehind) this.#ranges[2 * i + 1] = number;
    else if (isBefore) this.#ranges[2 * i - 2] = number;
    else this.#insert(i, number);
    this.#received++;
    return true;
  }

  /** Fills in the newest ranges, largest number and count. */
  describe(ack: Ack): void {
    ack.largest = this.largest;
    ack.received = this.#received;
    ack.rangeCount = Math.min(this.#count, MAX_ACK_RANGES);
    for (let i = 0; i < 2 * ack.rangeCount; i++) ack.ranges[i] = this.#at(i);
  }

  #at(i: number): number {
    return this.#ranges[i] ?? 0;
  }

  #insert(i: number, number: number): void {
    if (this.#count === MAX_RANGES) {
      this.#count--;
      this.#forgotten = this.#at(2 * this.#count + 1);
      if (number <= this.#forgotten) return;
    }
    this.#ranges.copyWithin(2 * i + 2, 2 * i, 2 * this.#count);
    this.#ranges[2 * i] = number;
    this.#ranges[2 * i + 1] = number;
    this.#count++;
  }

  #remove(i: number): void {
    this.#ranges.copyWithin(2 * i, 2 * i + 2, 2 * this.#count);
    this.#count--;
  }
}

/** Within a machine an ACK goes out as soon as nothing more is there: no timer is as fine as a round trip. */
const LOOPBACK_DELAY_US = 20;

/**
 * When to send an ACK (RFC 9000 section 13.2): two by two at first; then eight times in a round trip, or when
 * a good deal has come; at once when something is missing; and never later than {@linkcode MAX_ACK_DELAY_US}.
 */
export class AckTiming {
  readonly #isLoopback: boolean;
  #packets = 0;
  #bytes = 0;
  #total = 0;
  #dueUs = Infinity;
  #sentUs = -Infinity;

  /** @param options `isLoopback`: the path does not leave the machine. */
  constructor({ isLoopback }: { readonly isLoopback: boolean }) {
    this.#isLoopback = isLoopback;
  }

  /** When an ACK is due; `Infinity`: there is nothing to acknowledge. */
  get dueUs(): number {
    return this.#dueUs;
  }

  /**
   * A packet has come.
   *
   * @param bytes Of it.
   * @param isGap Whether one before it is missing, or it fills a gap.
   */
  arrived(
    { bytes, isGap, roundTripUs, nowUs }: {
      readonly bytes: number;
      readonly isGap: boolean;
      readonly roundTripUs: number;
      readonly nowUs: number;
    },
  ): void {
    this.#packets++;
    this.#bytes += bytes;
    this.#total++;
    const isMuch = this.#packets >= MOST_PACKETS || this.#bytes >= MOST_BYTES;
    if (isGap || isMuch || (this.#packets >= 2 && this.#total <= EAGER_PACKETS)) {
      this.#dueUs = nowUs;
      return;
    }
    if (this.#isLoopback) {
      this.#dueUs = nowUs + LOOPBACK_DELAY_US;
      return;
    }
    const spacingUs = clamp(roundTripUs / 8, MOST_SPACING_US);
    const delayUs = clamp(roundTripUs / 4, MAX_ACK_DELAY_US);
    const dueUs = this.#packets >= 2 ? Math.max(nowUs, this.#sentUs + spacingUs) : nowUs + delayUs;
    this.#dueUs = Math.min(this.#dueUs, dueUs);
  }

  /** An ACK was sent. */
  sent(nowUs: number): void {
    this.#packets = 0;
    this.#bytes = 0;
    this.#dueUs = Infinity;
    this.#sentUs = nowUs;
  }
}

function clamp(delayUs: number, mostUs: number): number {
  return Math.max(LEAST_ACK_DELAY_US, Math.min(mostUs, delayUs));
}
