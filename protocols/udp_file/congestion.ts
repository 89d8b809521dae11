/** What both kinds of congestion control have in common. Bytes are those of datagrams; rates are bytes a microsecond. */

/** Packets that may be under way before anything is known of the path. */
export const INITIAL_PACKETS = 32;
/** Least packets that may be under way (RFC 9002 section 7.2). */
export const LEAST_PACKETS = 4;

/** What an ACK, or a timer, has told of the packets under way. One object is filled again and again. */
export class PathSample {
  nowUs = 0;
  /** Acknowledged now, and taken for lost now. */
  ackedBytes = 0;
  ackedPackets = 0;
  lostBytes = 0;
  lostPackets = 0;
  /** When the last of the lost ones was sent; `-Infinity`: none was lost. */
  lostSentUs = -Infinity;
  /** When the newest of the acknowledged ones was sent; `-Infinity`: none. */
  ackedSentUs = -Infinity;
  /** The round trip of the newest; 0: not measured. */
  roundTripUs = 0;
  smoothedUs = 0;
  /** How fast bytes arrived since that packet was sent; 0: not measured. */
  bytesPerUs = 0;
  /** Whether there was too little to send meanwhile: the path may carry more. */
  isStarved = false;
  /** Whether all that was under way when the round began is settled. */
  isRoundEnd = false;
  /** Bytes acknowledged in all. */
  deliveredBytes = 0;
  /** Under way before and after. */
  priorBytes = 0;
  flightBytes = 0;
  /** Bytes of a full datagram. */
  datagramBytes = 0;
}

/** Decides how much may be under way, and how fast it leaves. */
export interface CongestionControl {
  /** Bytes that may be under way. */
  readonly windowBytes: number;
  /** Bytes a microsecond to leave at; `Infinity`: not paced. */
  readonly bytesPerUs: number;
  /** An ACK has come, or packets were taken for lost. */
  observed(sample: PathSample): void;
  /** No ACK has come for too long, so many times in a row. */
  timedOut(times: number): void;
}
