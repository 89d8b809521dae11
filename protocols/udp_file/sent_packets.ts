import type { PathSample } from "./congestion.ts";
import { type Ack, PACKET_HEADER_BYTES, type PacketHead, wireTime } from "./packets.ts";
import { KIND, type PacketKind, PacketRing, STATE } from "./packet_ring.ts";
import { GRANULARITY_US, type RoundTrip } from "./rtt.ts";
import { Violation } from "./violation.ts";

/** Numbers between the oldest packet under way and the newest; a ring of so many is 3.5 MB. */
const MAX_SPAN = 65_536;
/** RFC 9002 section 6.1.1. */
const PACKET_THRESHOLD = 3;
const MOST_PACKET_THRESHOLD = 1024;
/** RFC 9002 section 6.1.2, as what is added to a round trip. */
const TIME_SHARE = 1 / 8;

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
 */
export class SentPackets {
  readonly #fates: PacketFates;
  readonly #roundTrip: RoundTrip;
  readonly #ring = new PacketRing();

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
    return this.#ring.kind[number & this.#ring.mask] ?? 0;
  }
  fileOf(number: number): number {
    return this.#ring.file[number & this.#ring.mask] ?? 0;
  }
  offsetOf(number: number): number {
    return this.#ring.offset[number & this.#ring.mask] ?? 0;
  }
  lengthOf(number: number): number {
    return this.sizeOf(number) - PACKET_HEADER_BYTES;
  }
  sizeOf(number: number): number {
    return this.#ring.size[number & this.#ring.mask] ?? 0;
  }

  /** Notes the packet that leaves now, with the number {@linkcode next}. Its payload is all behind the header. */
  sent(head: PacketHead, kind: PacketKind, size: number, nowUs: number): void {
    if (this.#next - this.#oldest > this.#ring.mask) this.#ring.grow(this.#next);
    if (this.#flightPackets === 0) {
      this.#firstUs = nowUs;
      this.#deliveredAtUs = nowUs;
    }
    const i = this.#next++ & this.#ring.mask;
    this.#ring.state[i] = STATE.underWay;
    this.#ring.kind[i] = kind;
    this.#ring.file[i] = head.file;
    this.#ring.offset[i] = head.offset;
    this.#ring.size[i] = size;
    this.#ring.sentUs[i] = nowUs;
    this.#ring.deliveredBytes[i] = this.#delivered;
    this.#ring.deliveredUs[i] = this.#deliveredAtUs;
    this.#ring.firstSentUs[i] = this.#firstUs;
    this.#ring.isStarved[i] = this.#starvedUntil > this.#delivered ? 1 : 0;
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
    const newest = ack.largest & this.#ring.mask;
    // Who has not received a packet does not know when it was sent.
    if (isNewest && ack.echoedUs !== wireTime(this.#ring.sentUs[newest] ?? 0)) {
      throw new Violation(`Packet ${ack.largest} is acknowledged by somebody who has not seen it`);
    }
    const remembered = Math.max(1, this.#next - this.#ring.mask - 1);
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
        sample.roundTripUs = nowUs - (this.#ring.sentUs[newest] ?? 0);
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
      if (this.#ring.state[number & this.#ring.mask] !== STATE.underWay) continue;
      this.#lose(number, sample);
      count--;
    }
    this.#end(sample);
  }

  /** @returns Whether it was not known until now that it came. */
  #settle(number: number, sample: PathSample): boolean {
    const i = number & this.#ring.mask;
    const state = this.#ring.state[i];
    if (state === STATE.underWay) {
      const size = this.#ring.size[i] ?? 0;
      this.#ring.state[i] = STATE.acked;
      this.#flightBytes -= size;
      this.#flightPackets--;
      this.#delivered += size;
      sample.ackedBytes += size;
      sample.ackedPackets++;
      this.#fates.acked(number);
      return true;
    }
    if (state !== STATE.lost) return false;
    this.#ring.state[i] = STATE.acked;
    this.#lostPackets--;
    this.#delivered += this.#ring.size[i] ?? 0;
    this.#tolerate(number);
    this.#fates.arrivedLate(number);
    return true;
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
      const i = number & this.#ring.mask;
      if (this.#ring.state[i] !== STATE.underWay) continue;
      const sentUs = this.#ring.sentUs[i] ?? 0;
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
    const i = number & this.#ring.mask;
    const size = this.#ring.size[i] ?? 0;
    this.#ring.state[i] = STATE.lost;
    this.#flightBytes -= size;
    this.#flightPackets--;
    this.#lostPackets++;
    // That a larger datagram does not get through says nothing of congestion (RFC 8899 section 3).
    if (this.#ring.kind[i] !== KIND.sizeProbe) {
      sample.lostBytes += size;
      sample.lostPackets++;
      sample.lostSentUs = Math.max(sample.lostSentUs, this.#ring.sentUs[i] ?? 0);
    }
    this.#fates.lost(number);
  }

  /** The rate at which bytes were delivered since a packet left (draft-cheng-iccrg-delivery-rate-estimation). */
  #measureRate(number: number, sample: PathSample): void {
    const i = number & this.#ring.mask;
    const sentUs = this.#ring.sentUs[i] ?? 0;
    this.#deliveredAtUs = sample.nowUs;
    const before = this.#ring.deliveredBytes[i] ?? 0;
    const spanUs = Math.max(
      sentUs - (this.#ring.firstSentUs[i] ?? 0),
      sample.nowUs - (this.#ring.deliveredUs[i] ?? 0),
    );
    this.#firstUs = sentUs;
    sample.ackedSentUs = sentUs;
    sample.isStarved = this.#ring.isStarved[i] === 1;
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
    while (this.#oldest < this.#next && this.#ring.state[this.#oldest & this.#ring.mask] !== STATE.underWay) {
      this.#oldest++;
    }
  }
}
