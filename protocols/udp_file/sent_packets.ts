import type { PathSample } from "./congestion.ts";
import { type Ack, PACKET_HEADER_BYTES, type PacketHead, wireTime } from "./packets.ts";
import { GRANULARITY_US, type RoundTrip } from "./rtt.ts";
import { Violation } from "./violation.ts";

/** Numbers between the oldest packet under way and the newest; a ring of so many is 4.5 MB. */
const MAX_SPAN = 65_536;
const FIRST_SPAN = 1024;
/** RFC 9002 section 6.1.1. */
const PACKET_THRESHOLD = 3;
const MOST_PACKET_THRESHOLD = 1024;
/** RFC 9002 section 6.1.2, as what is added to a round trip. */
const TIME_SHARE = 1 / 8;

const STATE = { free: 0, underWay: 1, acked: 2, lost: 3 } as const;

/** What a packet was, by the number that {@linkcode SentPackets} has given to it. */
export const KIND = { data: 0, probe: 1, sizeProbe: 2 } as const;
export type PacketKind = typeof KIND[keyof typeof KIND];

/** Who is told what has become of packets. */
export interface PacketFates {
  acked(number: number): void;
  lost(number: number): void;
  /** It was taken for lost, and has come after all. */
  arrivedLate(number: number): void;
}

/**
 * The numbered packets that were sent, until it is known what became of each: RFC 9002 section 6.1, with
 * thresholds that grow when packets come later than the path's order promised (as RFC 8985 section 6.2 does).
 *
 * A ring of columns, a row a number; no object is made for a packet.
 */
export class SentPackets {
  readonly #fates: PacketFates;
  readonly #roundTrip: RoundTrip;
  #mask = FIRST_SPAN - 1;
  #state = new Uint8Array(FIRST_SPAN);
  #kind = new Uint8Array(FIRST_SPAN);
  #isStarved = new Uint8Array(FIRST_SPAN);
  #size = new Uint16Array(FIRST_SPAN);
  #file = new Uint16Array(FIRST_SPAN);
  #offset = new Float64Array(FIRST_SPAN);
  #sentUs = new Float64Array(FIRST_SPAN);
  // What was known when it left, for the rate at which bytes are delivered.
  #deliveredBytes = new Float64Array(FIRST_SPAN);
  #deliveredUs = new Float64Array(FIRST_SPAN);
  #firstSentUs = new Float64Array(FIRST_SPAN);

  #next = 1;
  #oldest = 1;
  #largestAcked = 0;
  #flightBytes = 0;
  #flightPackets = 0;
  #lostPackets = 0;
  #lossUs = Infinity;
  #packetThreshold = PACKET_THRESHOLD;
  #timeShare = TIME_SHARE;
  #delivered = 0;
  #deliveredAtUs = 0;
  #firstUs = 0;
  /** Until so many bytes are delivered, samples are of a time with too little to send. */
  #starvedUntil = 0;
  /** With a packet that leaves when so many bytes are delivered, the round ends. */
  #roundAt = 0;

  constructor(fates: PacketFates, roundTrip: RoundTrip) {
    this.#fates = fates;
    this.#roundTrip = roundTrip;
  }

  /** The number of the next packet. */
  get next(): number {
    return this.#next;
  }
  get flightBytes(): number {
    return this.#flightBytes;
  }
  get flightPackets(): number {
    return this.#flightPackets;
  }
  get lostPackets(): number {
    return this.#lostPackets;
  }
  /** When packets count as lost if nothing comes; `Infinity`: none is suspected. */
  get lossUs(): number {
    return this.#lossUs;
  }
  /** Whether another packet can be remembered. */
  get hasRoom(): boolean {
    return this.#next - this.#oldest < MAX_SPAN && this.#next < 0xffff_ffff;
  }

  kindOf(number: number): number {
    return this.#kind[number & this.#mask] ?? 0;
  }
  fileOf(number: number): number {
    return this.#file[number & this.#mask] ?? 0;
  }
  offsetOf(number: number): number {
    return this.#offset[number & this.#mask] ?? 0;
  }
  lengthOf(number: number): number {
    return this.sizeOf(number) - PACKET_HEADER_BYTES;
  }
  sizeOf(number: number): number {
    return this.#size[number & this.#mask] ?? 0;
  }

  /** Notes the packet that leaves now, with the number {@linkcode next}. Its payload is all behind the header. */
  sent(head: PacketHead, kind: PacketKind, size: number, nowUs: number): void {
    if (this.#next - this.#oldest > this.#mask) this.#grow();
    if (this.#flightPackets === 0) {
      this.#firstUs = nowUs;
      this.#deliveredAtUs = nowUs;
    }
    const i = this.#next++ & this.#mask;
    this.#state[i] = STATE.underWay;
    this.#kind[i] = kind;
    this.#file[i] = head.file;
    this.#offset[i] = head.offset;
    this.#size[i] = size;
    this.#sentUs[i] = nowUs;
    this.#deliveredBytes[i] = this.#delivered;
    this.#deliveredUs[i] = this.#deliveredAtUs;
    this.#firstSentUs[i] = this.#firstUs;
    this.#isStarved[i] = this.#starvedUntil > this.#delivered ? 1 : 0;
    this.#flightBytes += size;
    this.#flightPackets++;
  }

  /** There was nothing to send although there could have been more under way. */
  starved(): void {
    this.#starvedUntil = this.#delivered + Math.max(1, this.#flightBytes);
  }

  /**
   * Takes an ACK, and finds what it shows to be lost.
   *
   * @param sample Filled with what the ACK has told.
   * @throws {Violation}
   */
  acknowledged(ack: Ack, sample: PathSample, nowUs: number): void {
    if (ack.largest >= this.#next) throw new Violation(`Packet ${ack.largest} was never sent`);
    this.#begin(sample, nowUs);
    const isNewest = ack.largest > this.#largestAcked;
    const newest = ack.largest & this.#mask;
    // Who has not received a packet does not know when it was sent.
    if (isNewest && ack.echoedUs !== wireTime(this.#sentUs[newest] ?? 0)) {
      throw new Violation(`Packet ${ack.largest} is acknowledged by somebody who has not seen it`);
    }
    const remembered = Math.max(1, this.#next - this.#mask - 1);
    let newestAcked = 0;
    for (let r = 0; r < ack.rangeCount; r++) {
      const first = Math.max(ack.ranges[2 * r] ?? 0, remembered);
      const last = ack.ranges[2 * r + 1] ?? 0;
      for (let number = last; number >= first; number--) {
        if (this.#settle(number, sample) && newestAcked === 0) newestAcked = number;
      }
      if (first === remembered) break;
    }
    if (isNewest) {
      this.#largestAcked = ack.largest;
      if (newestAcked === ack.largest) {
        sample.roundTripUs = nowUs - (this.#sentUs[newest] ?? 0);
        this.#roundTrip.measured(sample.roundTripUs, ack.delayUs);
      }
    }
    if (newestAcked !== 0) this.#measureRate(newestAcked, sample);
    this.#detect(sample);
    this.#end(sample);
  }

  /** Takes those for lost whose time is over. */
  detectLost(sample: PathSample, nowUs: number): void {
    this.#begin(sample, nowUs);
    this.#detect(sample);
    this.#end(sample);
  }

  /** Takes the oldest packets under way for lost, since no ACK comes at all: what they carried is sent again. */
  giveUp(count: number, sample: PathSample, nowUs: number): void {
    this.#begin(sample, nowUs);
    for (let number = this.#oldest; number < this.#next && count > 0; number++) {
      if (this.#state[number & this.#mask] !== STATE.underWay) continue;
      this.#lose(number, sample);
      count--;
    }
    this.#end(sample);
  }

  /** @returns Whether it was under way until now. */
  #settle(number: number, sample: PathSample): boolean {
    const i = number & this.#mask;
    const state = this.#state[i];
    if (state === STATE.underWay) {
      const size = this.#size[i] ?? 0;
      this.#state[i] = STATE.acked;
      this.#flightBytes -= size;
      this.#flightPackets--;
      this.#delivered += size;
      sample.ackedBytes += size;
      sample.ackedPackets++;
      this.#fates.acked(number);
      return true;
    }
    if (state === STATE.lost) {
      this.#state[i] = STATE.acked;
      this.#lostPackets--;
      this.#delivered += this.#size[i] ?? 0;
      this.#tolerate(number);
      this.#fates.arrivedLate(number);
    }
    return false;
  }

  /** A packet was late, not lost: from now on that much is allowed. */
  #tolerate(number: number): void {
    const behind = this.#largestAcked - number + 1;
    this.#packetThreshold = Math.min(MOST_PACKET_THRESHOLD, Math.max(this.#packetThreshold, behind));
    this.#timeShare = Math.min(1, 1.25 * this.#timeShare);
  }

  #detect(sample: PathSample): void {
    this.#lossUs = Infinity;
    const delayUs = Math.max(GRANULARITY_US, (1 + this.#timeShare) * this.#roundTrip.recentUs);
    for (let number = this.#oldest; number < this.#largestAcked; number++) {
      const i = number & this.#mask;
      if (this.#state[i] !== STATE.underWay) continue;
      const sentUs = this.#sentUs[i] ?? 0;
      const isLost = number <= this.#largestAcked - this.#packetThreshold || sentUs + delayUs <= sample.nowUs;
      if (!isLost) {
        // Later ones were sent later and have larger numbers.
        this.#lossUs = sentUs + delayUs;
        break;
      }
      this.#lose(number, sample);
    }
  }

  #lose(number: number, sample: PathSample): void {
    const i = number & this.#mask;
    const size = this.#size[i] ?? 0;
    this.#state[i] = STATE.lost;
    this.#flightBytes -= size;
    this.#flightPackets--;
    this.#lostPackets++;
    // That a larger datagram does not get through says nothing of congestion (RFC 8899 section 3).
    if (this.#kind[i] !== KIND.sizeProbe) {
      sample.lostBytes += size;
      sample.lostPackets++;
      sample.lostSentUs = Math.max(sample.lostSentUs, this.#sentUs[i] ?? 0);
    }
    this.#fates.lost(number);
  }

  /** The rate at which bytes were delivered since a packet left (draft-cheng-iccrg-delivery-rate-estimation). */
  #measureRate(number: number, sample: PathSample): void {
    const i = number & this.#mask;
    const sentUs = this.#sentUs[i] ?? 0;
    this.#deliveredAtUs = sample.nowUs;
    const before = this.#deliveredBytes[i] ?? 0;
    const spanUs = Math.max(
      sentUs - (this.#firstSentUs[i] ?? 0),
      sample.nowUs - (this.#deliveredUs[i] ?? 0),
    );
    this.#firstUs = sentUs;
    sample.ackedSentUs = sentUs;
    sample.isStarved = this.#isStarved[i] === 1;
    // What took less than the shortest round trip were ACKs that came in a heap.
    if (spanUs > 0 && spanUs >= this.#roundTrip.leastUs) {
      sample.bytesPerUs = (this.#delivered - before) / spanUs;
    }
    if (before >= this.#roundAt) {
      this.#roundAt = this.#delivered;
      sample.isRoundEnd = true;
    }
  }

  #begin(sample: PathSample, nowUs: number): void {
    sample.nowUs = nowUs;
    sample.ackedBytes =
      sample.ackedPackets =
      sample.lostBytes =
      sample.lostPackets =
        0;
    sample.lostSentUs = sample.ackedSentUs = -Infinity;
    sample.roundTripUs = sample.bytesPerUs = 0;
    sample.isStarved = sample.isRoundEnd = false;
    sample.priorBytes = this.#flightBytes;
  }

  #end(sample: PathSample): void {
    sample.flightBytes = this.#flightBytes;
    sample.deliveredBytes = this.#delivered;
    sample.smoothedUs = this.#roundTrip.smoothedUs;
    while (this.#oldest < this.#next && this.#state[this.#oldest & this.#mask] !== STATE.underWay) {
      this.#oldest++;
    }
  }

  #grow(): void {
    const span = 2 * (this.#mask + 1);
    const moved = <T extends Uint8Array | Uint16Array | Float64Array>(column: T, wider: T): T => {
      for (let n = Math.max(0, this.#next - this.#mask - 1); n < this.#next; n++) {
        wider[n & (span - 1)] = column[n & this.#mask] ?? 0;
      }
      return wider;
    };
    this.#state = moved(this.#state, new Uint8Array(span));
    this.#kind = moved(this.#kind, new Uint8Array(span));
    this.#isStarved = moved(this.#isStarved, new Uint8Array(span));
    this.#size = moved(this.#size, new Uint16Array(span));
    this.#file = moved(this.#file, new Uint16Array(span));
    this.#offset = moved(this.#offset, new Float64Array(span));
    this.#sentUs = moved(this.#sentUs, new Float64Array(span));
    this.#deliveredBytes = moved(this.#deliveredBytes, new Float64Array(span));
    this.#deliveredUs = moved(this.#deliveredUs, new Float64Array(span));
    this.#firstSentUs = moved(this.#firstSentUs, new Float64Array(span));
    this.#mask = span - 1;
  }
}
