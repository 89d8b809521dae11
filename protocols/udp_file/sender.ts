import { MAX_ACK_DELAY_US } from "./acks.ts";
import { type CongestionControl, PathSample } from "./congestion.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { Cubic } from "./cubic.ts";
import { DatagramSize } from "./datagram_size.ts";
import { LoopbackWindow } from "./loopback_window.ts";
import { Outgoing } from "./outgoing.ts";
import { Pacer } from "./pacer.ts";
import {
  type Ack,
  BASE_DATAGRAM_BYTES,
  MAX_DATAGRAM_BYTES,
  MAX_LOOPBACK_DATAGRAM_BYTES,
  PACKET,
  PACKET_HEADER_BYTES,
  type PacketHead,
} from "./packets.ts";
import { RateControl } from "./rate_control.ts";
import { RoundTrip } from "./rtt.ts";
import { KIND, type PacketKind } from "./packet_ring.ts";
import { type PacketFates, SentPackets } from "./sent_packets.ts";

/** Packets that are sent when no ACK comes (RFC 9002 section 6.2.4). */
const TIMEOUT_PACKETS = 2;
/** Longest time between them: a path that comes back is noticed so soon. */
const MOST_TIMEOUT_US = 2_000_000;
const US_PER_S = 1_000_000;

/** One direction of a connection: which packet leaves next, and when. Times are microseconds. */
export class Sender implements PacketFates {
  readonly outgoing: Outgoing;
  readonly roundTrip: RoundTrip;
  readonly #packets: SentPackets;
  readonly #congestion: CongestionControl;
  readonly #pacer: Pacer;
  readonly #size: DatagramSize;
  readonly #sample = new PathSample();
  readonly #mostBytesPerUs: number;
  #nowUs: number;
  /** When a numbered packet left last. */
  #sentUs: number;
  /** How often in a row no ACK came in time. */
  #timeouts = 0;
  /** Packets that may leave whatever the window and pace. */
  #owed = 0;

  constructor(options: ConnectionOptions) {
    const { nowUs, source, events, peerCreditBytes = 0, maxBytesPerSecond = Infinity } = options;
    const { maxDatagramBytes = options.isLoopback ? MAX_LOOPBACK_DATAGRAM_BYTES : MAX_DATAGRAM_BYTES } =
      options;
    this.#nowUs = nowUs;
    this.#sentUs = nowUs;
    this.#mostBytesPerUs = maxBytesPerSecond / US_PER_S;
    this.roundTrip = new RoundTrip(options.roundTripUs);
    this.#packets = new SentPackets(this, this.roundTrip);
    const delivered = (file: number) => events.delivered(file);
    this.outgoing = new Outgoing({ source, creditBytes: peerCreditBytes, delivered });
    this.#congestion = congestionControl(options);
    this.#pacer = new Pacer(nowUs);
    this.#size = new DatagramSize(maxDatagramBytes);
    this.#pacer.setRate(this.bytesPerUs, nowUs);
  }

  /** At what rate packets may leave, in bytes a microsecond. */
  get bytesPerUs(): number {
    return Math.min(this.#mostBytesPerUs, this.#congestion.bytesPerUs);
  }

  get datagramBytes(): number {
    return this.#size.bytes;
  }

  get sentPackets(): number {
    return this.#packets.next - 1;
  }

  get lostPackets(): number {
    return this.#packets.lostPackets;
  }

  /** When to call {@linkcode fill} although no ACK has come; `Infinity`: never. */
  get wakeUs(): number {
    if (this.#owed > 0) return this.#nowUs;
    const canLeave = this.outgoing.hasMore && this.#hasWindow();
    return Math.min(this.#timerUs, canLeave ? this.#pacer.readyUs : Infinity);
  }

  /** Has a packet sent that the peer acknowledges. */
  ping(): void {
    this.#owed = Math.max(1, this.#owed);
  }

  /**
   * Fills in the payload of the next packet, and all of `head` but the connection.
   *
   * @param target A whole datagram, as long as the longest may be.
   * @returns Bytes of the datagram; 0: none may leave now.
   */
  fill(target: Uint8Array, head: PacketHead, nowUs: number): number {
    this.#nowUs = nowUs;
    this.#runTimers(nowUs);
    const isOwed = this.#owed > 0;
    if (!this.#packets.hasRoom || (!isOwed && !this.#hasWindow())) return 0;
    if (!isOwed && this.outgoing.hasMore && !this.#pacer.mayLeave(nowUs)) return 0;
    if (!isOwed && this.outgoing.hasContent) {
      const size = this.#size.probeBytes(nowUs);
      if (size > 0) return this.#fillSizeProbe(target, head, size);
    }
    const length = this.outgoing.fill(target.subarray(PACKET_HEADER_BYTES, this.#size.bytes), head);
    if (length > 0) {
      head.type = PACKET.data;
      return this.#leaves(head, KIND.data, PACKET_HEADER_BYTES + length);
    }
    if (!isOwed) {
      this.#packets.starved();
      return 0;
    }
    head.type = PACKET.probe;
    head.file = head.offset = 0;
    return this.#leaves(head, KIND.probe, PACKET_HEADER_BYTES);
  }

  /** Takes an ACK. @throws {Violation} */
  acknowledged(ack: Ack, nowUs: number): void {
    this.#nowUs = nowUs;
    this.outgoing.credit(ack.credit);
    this.#packets.acknowledged(ack, this.#sample, nowUs);
    // Also of one that was given up: the path is there.
    if (this.#sample.ackedSentUs !== -Infinity) this.#timeouts = 0;
    this.#observe();
  }

  acked(number: number): void {
    const kind = this.#packets.kindOf(number);
    const size = this.#packets.sizeOf(number);
    if (kind === KIND.sizeProbe) this.#size.probeAcked(size);
    if (kind !== KIND.data) return;
    this.#size.acked(size);
    const { file, offset, length } = this.#contentOf(number);
    this.outgoing.acked(file, offset, length);
  }

  lost(number: number): void {
    const kind = this.#packets.kindOf(number);
    if (kind === KIND.sizeProbe) this.#size.probeLost(this.#nowUs);
    if (kind !== KIND.data) return;
    this.#size.lost(this.#packets.sizeOf(number), this.#nowUs);
    const { file, offset, length } = this.#contentOf(number);
    this.outgoing.lost(file, offset, length);
  }

  arrivedLate(number: number): void {
    const kind = this.#packets.kindOf(number);
    if (kind === KIND.sizeProbe) this.#size.probeAcked(this.#packets.sizeOf(number));
    if (kind !== KIND.data) return;
    const { file, offset, length } = this.#contentOf(number);
    this.outgoing.arrivedLate(file, offset, length);
  }

  /** When to suspect packets: those that later ones have overtaken, or all of them. */
  get #timerUs(): number {
    if (this.#packets.lossUs !== Infinity) return this.#packets.lossUs;
    if (this.#packets.flightPackets === 0 && !this.outgoing.lacksCredit) return Infinity;
    const timeoutUs = this.roundTrip.timeoutUs + MAX_ACK_DELAY_US;
    const backedOffUs = Math.min(timeoutUs * 2 ** this.#timeouts, MOST_TIMEOUT_US);
    return this.#sentUs + Math.max(timeoutUs, backedOffUs);
  }

  #runTimers(nowUs: number): void {
    if (nowUs < this.#timerUs) return;
    if (this.#packets.lossUs !== Infinity) {
      this.#packets.detectLost(this.#sample, nowUs);
      return this.#observe();
    }
    this.#timeouts++;
    this.#packets.giveUp(TIMEOUT_PACKETS, this.#sample, nowUs);
    this.#observe();
    this.#congestion.timedOut(this.#timeouts);
    this.#pacer.setRate(this.bytesPerUs, nowUs);
    if (this.#timeouts >= 2) this.#size.timedOut(nowUs);
    this.#owed = TIMEOUT_PACKETS;
    // Else, of one that finds nothing to send, the next would be due at once.
    this.#sentUs = nowUs;
  }

  #observe(): void {
    this.#sample.datagramBytes = this.#size.bytes;
    this.#congestion.observed(this.#sample);
    this.#pacer.setRate(this.bytesPerUs, this.#nowUs);
  }

  #hasWindow(): boolean {
    const { flightBytes } = this.#packets;
    return flightBytes === 0 || flightBytes + this.#size.bytes <= this.#congestion.windowBytes;
  }

  #fillSizeProbe(target: Uint8Array, head: PacketHead, size: number): number {
    target.fill(0, PACKET_HEADER_BYTES, size);
    head.type = PACKET.probe;
    head.file = head.offset = 0;
    this.#size.probeSent();
    return this.#leaves(head, KIND.sizeProbe, size);
  }

  #leaves(head: PacketHead, kind: PacketKind, size: number): number {
    head.number = this.#packets.next;
    this.#packets.sent(head, kind, size, this.#nowUs);
    this.#pacer.left(size);
    this.#sentUs = this.#nowUs;
    if (this.#owed > 0) this.#owed--;
    return size;
  }

  #contentOf(number: number) {
    const packets = this.#packets;
    return {
      file: packets.fileOf(number),
      offset: packets.offsetOf(number),
      length: packets.lengthOf(number),
    };
  }
}

function congestionControl({ isLoopback, congestion }: ConnectionOptions): CongestionControl {
  if (isLoopback) return new LoopbackWindow(BASE_DATAGRAM_BYTES);
  return congestion === "cubic" ? new Cubic(BASE_DATAGRAM_BYTES) : new RateControl(BASE_DATAGRAM_BYTES);
}
