/** The core of one end of a connection of XUDP/1, from ACCEPT to CLOSE. */

import type { ByteRange } from "../../store/byte_ranges.ts";
import type { PacketHead } from "./packets.ts";

/** Longest line of the control stream, in bytes, with its end. */
export const MAX_CONTROL_LINE_BYTES = 32 * 1024;

/** Where the bytes of files come from that are sent. */
export interface ContentSource {
  /**
   * Fills `target` with bytes of a file from `offset` on. Called again for what has got lost. It is never
   * asked for bytes that were not offered.
   *
   * @returns How many bytes were filled in: fewer are fine. 0: they are not there yet; then
   * {@linkcode Connection.wake} is to be called when they are.
   */
  fill(file: number, offset: number, target: Uint8Array): number;
}

/** What a connection tells while it is given a packet. Nothing may be called back into it but what says so. */
export interface ConnectionEvents {
  /** The next line of the control stream, without its end. A peer's: to be parsed with care. */
  control(line: string): void;
  /**
   * Bytes of a file that was expected, in any order, each byte once. They are part of the datagram: to be
   * copied or written before this returns.
   */
  content(file: number, offset: number, bytes: Uint8Array): void;
  /** The peer has acknowledged all that was offered of a file: the source will not be asked for it again. */
  delivered(file: number): void;
}

/** Options of {@linkcode Connection}. */
export interface ConnectionOptions {
  /** Now, by the same clock as all times that follow: microseconds, never going back. */
  readonly nowUs: number;
  /** The number that the server gave it. */
  readonly connection: number;
  readonly events: ConnectionEvents;
  /** Needed by an end that offers files. */
  readonly source?: ContentSource | undefined;
  /** How many bytes of files the peer said in OPEN or ACCEPT that it can take. Default: 0. */
  readonly peerCreditBytes?: number | undefined;
  /** How many bytes of files this end holds at a time at most, as it told the peer. Default: 0. */
  readonly windowBytes?: number | undefined;
  /** `rate` does not slow down for loss alone, `cubic` does as TCP would. Default: `rate`. */
  readonly congestion?: "rate" | "cubic" | undefined;
  /** Datagrams are probed up to so many bytes. Default: {@linkcode MAX_DATAGRAM_BYTES}. */
  readonly maxDatagramBytes?: number | undefined;
  /** Never to send faster, all bytes of UDP payload counted. Default: no bound. */
  readonly maxBytesPerSecond?: number | undefined;
  /** Of the handshake, if it was measured, in microseconds. */
  readonly roundTripUs?: number | undefined;
  /** Whether to keep the connection although nothing is to be sent: a client that waits for input. Default: false. */
  readonly keepsAlive?: boolean | undefined;
}

/** Where a connection stands. */
export type ConnectionState =
  | { readonly kind: "open" }
  | {
    readonly kind: "closed";
    /** `silence`: nothing came for 30 s. */
    readonly by: "us" | "peer" | "silence";
    /** One of {@linkcode CLOSE_CODE}; a peer's may be another. */
    readonly code: number;
    /** A peer's is to be escaped before it is shown. */
    readonly reason: string;
  };

/** What is known of the path. */
export interface PathReport {
  /** Smoothed, in microseconds; 0: not measured. */
  readonly roundTripUs: number;
  readonly leastRoundTripUs: number;
  /** What is sent at most for now, in bytes a second. */
  readonly bytesPerSecond: number;
  /** Bytes of the datagrams that are filled. */
  readonly datagramBytes: number;
  /** Numbered packets that were sent, and those of them that count as lost. */
  readonly sentPackets: number;
  readonly lostPackets: number;
}

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
  constructor(_options: ConnectionOptions) {
    throw new Error("Not written yet");
  }

  /** Once closed it stays so; a CLOSE of ours still comes out of {@linkcode send}. */
  get state(): ConnectionState {
    return { kind: "open" };
  }

  /** When to call {@linkcode send} although nothing has come; `Infinity`: never. In the past: at once, but after others. */
  get wakeAtUs(): number {
    return Infinity;
  }

  get path(): PathReport {
    throw new Error("Not written yet");
  }

  /** Bytes of control lines that were given and not acknowledged. A peer that asks for more than it takes is seen here. */
  get controlBacklogBytes(): number {
    return 0;
  }

  /** Takes a packet of this connection, as {@linkcode readPacket} has found it. The peer's address is the caller's to check. */
  receive(_packet: Uint8Array, _head: PacketHead, _nowUs: number): void {}

  /**
   * Writes the next datagram that is due.
   *
   * @param target At least `maxDatagramBytes` long.
   * @returns Its length; 0: none is due.
   */
  send(_target: Uint8Array, _nowUs: number): number {
    return 0;
  }

  /** What the source did not have may be there now. May be called from its `fill` and from events. */
  wake(): void {}

  /**
   * Sends a line, after all that were given before. May be called from events.
   *
   * @param line Without line breaks, at most {@linkcode MAX_CONTROL_LINE_BYTES} with its end.
   * @throws {RangeError} It is longer.
   */
  sendControl(_line: string): void {}

  /** Sends ranges of a file, behind those of files that were offered before. A number is good for one time. May be called from events. */
  offer(_file: number, _ranges: readonly ByteRange[]): void {}

  /**
   * Sends nothing more of a file. May be called from events.
   *
   * @returns How many of its bytes were sent, each counted once: for {@linkcode settle} of the peer.
   */
  withdraw(_file: number): number {
    return 0;
  }

  /** Takes ranges of a file that the peer was asked for. Bytes that were not expected break the protocol. */
  expect(_file: number, _ranges: readonly ByteRange[]): void {}

  /** Throws away what still comes of a file. */
  discard(_file: number): void {}

  /** The peer has sent so many bytes of a file and sends no more: the credit for what is on its way is given back. May be called from events. */
  settle(_file: number, _sentBytes: number): void {}

  /** So many bytes that came as content need no memory any more: the peer may send as many. May be called from events. */
  consumed(_bytes: number): void {}

  /** Ends the connection, and tells the peer. */
  close(_code: number, _reason: string): void {}
}
