import { BASE_DATAGRAM_BYTES } from "./packets.ts";

/** Sizes that paths are known to carry, down from loopback, Ethernet, PPPoE and tunnels to IPv6's least. */
const LADDER = [49_152, 16_384, 8952, 4096, 1472, 1452, 1400, 1280];
/** A size that so many probes did not get through is too large (RFC 8899 section 5.1.2, MAX_PROBES). */
const MAX_PROBES = 3;
/**
 * So many filled datagrams lost, and none come, for so long: the path has become narrower. A queue that is full
 * drops as many in a row, but lets some through in between.
 */
const BLACK_HOLE_PACKETS = 32;
const BLACK_HOLE_US = 1_000_000;
/** After a black hole, and when all sizes failed, when to look again (section 5.1.1, PMTU_RAISE_TIMER). */
const RAISE_US = 600_000_000;
/** A black hole may have been an outage: the first look is sooner. */
const FIRST_RAISE_US = 5_000_000;

/**
 * How long datagrams may be: RFC 8899. Starts with 1200 bytes and tries sizes from the largest down, one probe
 * at a time: loss of one costs nothing but its bytes.
 */
export class DatagramSize {
  readonly #sizes: readonly number[];
  #bytes = BASE_DATAGRAM_BYTES;
  /** Index of the size that is tried; beyond the last: none. */
  #trying = 0;
  #failures = 0;
  #isUnderWay = false;
  #lostInRow = 0;
  #lostSinceUs = 0;
  #raiseUs = Infinity;
  #raiseAfterUs = FIRST_RAISE_US;

  /** @param maxBytes Never to be exceeded. */
  constructor(maxBytes: number) {
    this.#sizes = LADDER.filter((size) => size <= maxBytes);
  }

  /** Bytes of the datagrams that are filled. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How long a probe to send now has to be; 0: none is due. */
  probeBytes(nowUs: number): number {
    if (nowUs >= this.#raiseUs) {
      this.#raiseUs = Infinity;
      this.#trying = 0;
      this.#failures = 0;
    }
    const size = this.#sizes[this.#trying] ?? 0;
    return this.#isUnderWay || size <= this.#bytes ? 0 : size;
  }

  /** A probe was sent. */
  probeSent(): void {
    this.#isUnderWay = true;
  }

  probeAcked(size: number): void {
    this.#isUnderWay = false;
    this.#failures = 0;
    if (size > this.#bytes) this.#bytes = size;
    this.#lostInRow = 0;
    this.#raiseAfterUs = FIRST_RAISE_US;
  }

  probeLost(nowUs: number): void {
    this.#isUnderWay = false;
    if (++this.#failures < MAX_PROBES) return;
    this.#failures = 0;
    this.#trying++;
    if (this.#trying >= this.#sizes.length) this.#raiseUs = nowUs + RAISE_US;
  }

  /** A datagram of data came. */
  acked(size: number): void {
    if (size > BASE_DATAGRAM_BYTES) this.#lostInRow = 0;
  }

  /** A datagram of data was lost. */
  lost(size: number, nowUs: number): void {
    if (size <= BASE_DATAGRAM_BYTES) return;
    if (this.#lostInRow++ === 0) this.#lostSinceUs = nowUs;
    const isLong = nowUs > this.#lostSinceUs + BLACK_HOLE_US;
    if (isLong && this.#lostInRow >= BLACK_HOLE_PACKETS) this.#fallBack(nowUs);
  }

  /** No ACK came, twice in a row (RFC 8899 section 4.3). */
  timedOut(nowUs: number): void {
    this.#fallBack(nowUs);
  }

  #fallBack(nowUs: number): void {
    if (this.#bytes === BASE_DATAGRAM_BYTES) return;
    this.#bytes = BASE_DATAGRAM_BYTES;
    this.#lostInRow = 0;
    this.#trying = this.#sizes.length;
    this.#raiseUs = nowUs + this.#raiseAfterUs;
    this.#raiseAfterUs = RAISE_US;
  }
}
