/** The core of one end of a connection of XUDP/1, from ACCEPT to CLOSE. */

import type { ByteRange } from "../../store/byte_ranges.ts";
import { AckTiming, ReceivedNumbers } from "./acks.ts";
import type {
  ConnectionEvents,
  ConnectionOptions,
  ConnectionState,
  PathReport,
} from "./connection_options.ts";
import {
  Ack,
  CLOSE_CODE,
  PACKET,
  PACKET_HEADER_BYTES,
  PacketHead,
  readAck,
  readClose,
  sealPacket,
  wireTime,
  writeAck,
  writeClose,
} from "./packets.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";
import { Violation } from "./violation.ts";

export type { ConnectionEvents, ConnectionOptions, ConnectionState, PathReport };
export type { ContentSource } from "./connection_options.ts";
export { MAX_CONTROL_LINE_BYTES } from "./control_stream.ts";

/** A peer that nothing comes of for so long is gone. In microseconds. */
const IDLE_US = 30_000_000;
/** With nothing else to send, how soon a packet shows both ends that the other one is there. */
const KEEP_ALIVE_US = 3_000_000;
/** How often CLOSE is sent, as it is not acknowledged; and at most, to a peer that goes on. */
const CLOSE_COPIES = 2;
const MOST_CLOSE_COPIES = 10;

/**
 * One end of a connection. It is told packets and the time; {@linkcode send} gives the datagrams that are due,
 * and {@linkcode wakeAtUs} says when to ask again.
 *
 * @example
 * ```ts
 * function turn(): void {
 *   let length: number;
 *   while ((length = connection.send(buffer, nowUs())) > 0) send(buffer.subarray(0, length));
 *   wakeAt(connection.wakeAtUs);
 * }
 * if (readPacket(datagram, head) && head.connection === id) {
 *   connection.receive(datagram, head, nowUs());
 *   turn();
 * }
 * ```
 */
export class Connection {
  readonly #connection: number;
  readonly #keepsAlive: boolean;
  /** Whether the path does not leave the machine. */
  readonly isLoopback: boolean;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #numbers = new ReceivedNumbers();
  readonly #timing: AckTiming;
  readonly #ack = new Ack();
  readonly #head = new PacketHead();
  #state: ConnectionState = { kind: "open" };
  #closesLeft = 0;
  #closesSent = 0;
  #receivedUs: number;
  #pingedUs: number;
  /** When the packet with the largest number came, and when it had been sent. */
  #largestUs = 0;
  #echoedUs = 0;

  constructor(options: ConnectionOptions) {
    this.#connection = options.connection;
    this.#keepsAlive = options.keepsAlive ?? false;
    this.isLoopback = options.isLoopback ?? false;
    this.#timing = new AckTiming({ isLoopback: this.isLoopback });
    this.#sender = new Sender(options);
    this.#receiver = new Receiver(options.events, options.windowBytes ?? 0);
    this.#receivedUs = options.nowUs;
    this.#pingedUs = options.nowUs;
  }

  /** Once closed it stays so; a CLOSE of ours still comes out of {@linkcode send}. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** When to call {@linkcode send} although nothing has come; `Infinity`: never. In the past: at once, but after others. */
  get wakeAtUs(): number {
    if (this.#closesLeft > 0) return 0;
    if (this.#state.kind === "closed") return Infinity;
    const ackUs = this.#receiver.hasNews ? 0 : this.#timing.dueUs;
    const aliveUs = this.#keepsAlive ? this.#aliveUs : Infinity;
    return Math.min(ackUs, this.#sender.wakeUs, aliveUs, this.#receivedUs + IDLE_US);
  }

  get path(): PathReport {
    const { roundTrip, bytesPerUs, datagramBytes, sentPackets, lostPackets } = this.#sender;
    return {
      roundTripUs: roundTrip.isMeasured ? roundTrip.smoothedUs : 0,
      leastRoundTripUs: roundTrip.isMeasured ? roundTrip.leastUs : 0,
      bytesPerSecond: bytesPerUs * 1_000_000,
      datagramBytes,
      sentPackets,
      lostPackets,
    };
  }

  /** Bytes of control lines that were given and not acknowledged. A peer that asks for more than it takes is seen here. */
  get controlBacklogBytes(): number {
    return this.#sender.outgoing.control.backlogBytes;
  }

  /** Takes a packet of this connection, as {@linkcode readPacket} has found it. The peer's address is the caller's to check. */
  receive(packet: Uint8Array, head: PacketHead, nowUs: number): void {
    if (head.connection !== this.#connection) return;
    if (this.#state.kind === "closed") return this.#repeatClose();
    this.#receivedUs = nowUs;
    try {
      this.#take(packet, head, nowUs);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.close(CLOSE_CODE.violation, error.message);
    }
  }

  /**
   * Writes the next datagram that is due.
   *
   * @param target At least `maxDatagramBytes` long.
   * @returns Its length; 0: none is due.
   */
  send(target: Uint8Array, nowUs: number): number {
    if (this.#state.kind === "closed") return this.#sendClose(target, this.#state, nowUs);
    if (nowUs >= this.#receivedUs + IDLE_US) {
      const reason = `nothing came for ${IDLE_US / 1_000_000} s`;
      this.#state = { kind: "closed", by: "silence", code: CLOSE_CODE.failed, reason };
      return 0;
    }
    if (this.#keepsAlive && nowUs >= this.#aliveUs) {
      this.#pingedUs = nowUs;
      this.#sender.ping();
    }
    if (nowUs >= this.#timing.dueUs || this.#receiver.hasNews) return this.#sendAck(target, nowUs);
    const length = this.#sender.fill(target, this.#head, nowUs);
    return length === 0 ? 0 : this.#seal(target, length, nowUs);
  }

  /** What the source did not have may be there now. May be called from its `fill` and from events. */
  wake(): void {
    this.#sender.outgoing.wake();
  }

  /**
   * Sends a line, after all that were given before. May be called from events.
   *
   * @param line Without line breaks, at most {@linkcode MAX_CONTROL_LINE_BYTES} with its end.
   * @throws {RangeError} It is longer.
   */
  sendControl(line: string): void {
    this.#sender.outgoing.control.add(line);
  }

  /** Sends ranges of a file, behind those of files that were offered before. A number is good for one time. May be called from events. */
  offer(file: number, ranges: readonly ByteRange[]): void {
    this.#sender.outgoing.offer(file, ranges);
  }

  /**
   * Sends nothing more of a file. May be called from events.
   *
   * @returns How many of its bytes were sent, each counted once: for {@linkcode settle} of the peer. 0 when all was delivered.
   */
  withdraw(file: number): number {
    return this.#sender.outgoing.withdraw(file);
  }

  /** Takes ranges of a file that the peer was asked for. Bytes that were not expected break the protocol. */
  expect(file: number, ranges: readonly ByteRange[]): void {
    this.#receiver.expect(file, ranges);
  }

  /** Takes a file whose size is told later, by {@linkcode bound}. */
  expectUnbounded(file: number): void {
    this.#receiver.expectUnbounded(file);
  }

  /** Where a file of {@linkcode expectUnbounded} ends; 0: it does not come. @throws {Violation} It went on. */
  bound(file: number, size: number): void {
    this.#receiver.bound(file, size);
  }

  /** Throws away what still comes of a file. */
  discard(file: number): void {
    this.#receiver.discard(file);
  }

  /** The peer has sent so many bytes of a file and sends no more: the credit for what is on its way is given back. May be called from events. */
  settle(file: number, sentBytes: number): void {
    this.#receiver.settle(file, sentBytes);
  }

  /** So many bytes that came as content need no memory any more: the peer may send as many. May be called from events. */
  consumed(bytes: number): void {
    this.#receiver.consumed(bytes);
  }

  /** Ends the connection, and tells the peer. */
  close(code: number, reason: string): void {
    if (this.#state.kind === "closed") return;
    this.#state = { kind: "closed", by: "us", code, reason };
    this.#closesLeft = CLOSE_COPIES;
  }

  get #aliveUs(): number {
    return Math.max(this.#receivedUs, this.#pingedUs) + KEEP_ALIVE_US;
  }

  #take(packet: Uint8Array, head: PacketHead, nowUs: number): void {
    switch (head.type) {
      case PACKET.data:
      case PACKET.probe:
        return this.#takeNumbered(packet, head, nowUs);
      case PACKET.ack:
        if (!readAck(packet, this.#ack)) throw new Violation("An ACK can't be read");
        return this.#sender.acknowledged(this.#ack, nowUs);
      case PACKET.close: {
        const { code, reason } = readClose(packet) ?? { code: CLOSE_CODE.failed, reason: "" };
        this.#state = { kind: "closed", by: "peer", code, reason };
      }
        // Of the handshake, what was sent more than once comes more than once.
    }
  }

  #takeNumbered(packet: Uint8Array, head: PacketHead, nowUs: number): void {
    if (head.number === 0) throw new Violation("A packet that is to be acknowledged has no number");
    const largest = this.#numbers.largest;
    if (!this.#numbers.add(head.number)) return;
    if (head.number > largest) {
      this.#largestUs = nowUs;
      this.#echoedUs = head.sentUs;
    }
    const isGap = head.number !== largest + 1;
    const roundTripUs = this.#sender.roundTrip.smoothedUs;
    this.#timing.arrived({ bytes: packet.length, isGap, roundTripUs, nowUs });
    if (head.type !== PACKET.data) return;
    this.#receiver.data(head.file, head.offset, packet.subarray(PACKET_HEADER_BYTES));
  }

  #sendAck(target: Uint8Array, nowUs: number): number {
    this.#numbers.describe(this.#ack);
    this.#ack.delayUs = Math.floor(nowUs - this.#largestUs);
    this.#ack.echoedUs = this.#echoedUs;
    this.#ack.credit = this.#receiver.tell();
    this.#timing.sent(nowUs);
    return this.#sealUnnumbered(target, PACKET.ack, writeAck(target, this.#ack), nowUs);
  }

  #sendClose(
    target: Uint8Array,
    { code, reason }: Extract<ConnectionState, { kind: "closed" }>,
    nowUs: number,
  ): number {
    if (this.#closesLeft === 0) return 0;
    this.#closesLeft--;
    this.#closesSent++;
    return this.#sealUnnumbered(target, PACKET.close, writeClose(target, code, reason), nowUs);
  }

  /** The peer has not heard of it yet. */
  #repeatClose(): void {
    const isOurs = this.#state.kind === "closed" && this.#state.by === "us";
    if (isOurs && this.#closesLeft === 0 && this.#closesSent < MOST_CLOSE_COPIES) this.#closesLeft = 1;
  }

  #sealUnnumbered(target: Uint8Array, type: PacketHead["type"], payloadBytes: number, nowUs: number): number {
    this.#head.type = type;
    this.#head.file = this.#head.offset = this.#head.number = 0;
    return this.#seal(target, PACKET_HEADER_BYTES + payloadBytes, nowUs);
  }

  #seal(target: Uint8Array, length: number, nowUs: number): number {
    this.#head.connection = this.#connection;
    this.#head.sentUs = wireTime(nowUs);
    return sealPacket(target, this.#head, length - PACKET_HEADER_BYTES);
  }
}
