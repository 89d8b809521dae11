import type { Speed } from "../../net/speed.ts";
import { type ByteRange, ByteRanges } from "../../store/byte_ranges.ts";

/** Below this a piece is not divided any more: its last bytes are fetched twice instead. */
export const FLOOR_BYTES = 256 * 1024;
/** Requests are so long that asking for them costs a hundredth of the time at most. */
const LATENCIES_A_LEASE = 100;
/** The shortest request while there are bytes that nobody fetches, as a time. */
const LEAST_LATENCIES_A_LEASE = 4;
/**
 * What is left of a piece is only taken from a connection that will be busy with it for so long. One that
 * loses its end has to be closed, and the next one starts slowly: over 50 ms and with 1 % loss a file of
 * 32 MiB took a quarter longer when ends were taken at 100 ms than at 500.
 */
const LATENCIES_LEFT = 10;
const LEAST_LEFT_MS = 400;
/** The least share of a piece that stays with a connection when another takes of it. */
const LEAST_SHARE = 1 / 16;

/** Bytes that one connection was asked to fetch, by one request. */
export interface Lease {
  readonly connection: number;
  readonly lane: number;
  readonly source: number;
  readonly from: number;
  /** Exclusive end of the request; `undefined`: no `Range`. */
  readonly askedTo: number | undefined;
  readonly requestedAtMs: number;
  /** Where it stands, and where it is to stop; another may have taken what lies behind. */
  at: number;
  to: number;
  phase: "asking" | "flowing";
  /** When there were last enough bytes to call it alive, and how many came since. */
  aliveAtMs: number;
  bytesSinceAlive: number;
  readonly speed: Speed;
  /** Its first bytes, and whether what it has brought since has been looked at. */
  first: { readonly atMs: number; readonly at: number } | undefined;
  isJudged: boolean;
  /** Fetches the same bytes; the first to finish wins. */
  twin: Lease | undefined;
}

/** A connection that looks for work. */
export interface Seeker {
  /** Where its last piece ended: going on there keeps the file in order. */
  readonly lastTo: number;
  /** What it is expected to bring, in bytes a millisecond; 0 when nothing is known. */
  readonly bytesPerMs: number;
  readonly latencyMs: number;
}

/** Bytes to be fetched by one more request. */
export interface Help {
  readonly range: ByteRange;
  /** Who is fetching the same bytes. */
  readonly twin: Lease | undefined;
  /** From whose end they were taken. */
  readonly shortened: Lease | undefined;
}

/** Which bytes of a file are there, which are being fetched, and which are still to be given out. */
export class Leases {
  readonly finished: ByteRanges;
  readonly size: number;
  readonly #free: ByteRanges;
  readonly #active = new Set<Lease>();
  readonly #blockBytes: number;

  constructor({ size, blockBytes, finished }: {
    readonly size: number;
    readonly blockBytes: number;
    readonly finished: Iterable<ByteRange>;
  }) {
    this.size = size;
    this.#blockBytes = blockBytes;
    this.finished = new ByteRanges(finished);
    this.#free = new ByteRanges(this.finished.gaps({ from: 0, to: size }));
  }

  get active(): ReadonlySet<Lease> {
    return this.#active;
  }

  get isComplete(): boolean {
    return this.finished.bytes === this.size;
  }

  /**
   * Bytes for a connection that is idle, of those that nobody fetches: one block, or as many as it takes
   * for asking not to count. Towards the end they get shorter, so that all end together.
   */
  take({ lastTo, bytesPerMs, latencyMs }: Seeker, lanes: number): ByteRange | undefined {
    const ranges = [...this.#free];
    const range = ranges.find(({ from }) => from === lastTo) ?? ranges[0];
    if (range === undefined) return undefined;
    const block = this.#blockBytes;
    const worthwhile = LATENCIES_A_LEASE * latencyMs * bytesPerMs;
    const wanted = Math.max(1, Math.ceil(worthwhile / block)) * block;
    const least = Math.max(FLOOR_BYTES, LEAST_LATENCIES_A_LEASE * latencyMs * bytesPerMs);
    const fair = Math.max(least, this.#free.bytes / lanes);
    const length = Math.ceil(Math.min(wanted, fair));
    // A rest too short to be a piece of its own goes along.
    const to = range.to - range.from - length < FLOOR_BYTES ? range.to : range.from + length;
    return { from: range.from, to };
  }

  /** The piece that will be fetched last, if a connection that is idle can help with it. */
  #slowest({ bytesPerMs, latencyMs }: Seeker, nowMs: number): Lease | undefined {
    const worthMs = Math.max(LATENCIES_LEFT * latencyMs, LEAST_LEFT_MS);
    let slowest: Lease | undefined;
    let mostMs = worthMs;
    for (const lease of this.#active) {
      if (lease.twin !== undefined) continue;
      const leftMs = timeLeftMs(lease, bytesPerMs, nowMs);
      if (leftMs <= mostMs) continue;
      mostMs = leftMs;
      slowest = lease;
    }
    return slowest;
  }

  /**
   * Bytes of the piece with the longest time left: as much of its end as lets both connections finish
   * together, which is half when they are equally fast. Below the floor all of it, to be fetched twice.
   */
  help(
    seeker: Seeker,
    nowMs: number,
  ): Help | undefined {
    const lease = this.#slowest(seeker, nowMs);
    if (lease === undefined) return undefined;
    const left = lease.to - lease.at;
    if (left < 2 * FLOOR_BYTES) {
      return { range: { from: lease.at, to: lease.to }, twin: lease, shortened: undefined };
    }
    const own = lease.speed.soon(nowMs);
    const share = seeker.bytesPerMs > 0 ? own / (own + seeker.bytesPerMs) : 1 / 2;
    const kept = Math.max(FLOOR_BYTES, Math.ceil(left * Math.max(LEAST_SHARE, share)));
    const range = { from: Math.min(lease.at + kept, lease.to - FLOOR_BYTES), to: lease.to };
    lease.to = range.from;
    return { range, twin: undefined, shortened: lease };
  }

  /** A piece is being fetched from now on. */
  add(lease: Lease): void {
    this.#free.remove({ from: lease.at, to: lease.to });
    this.#active.add(lease);
    if (lease.twin !== undefined) lease.twin.twin = lease;
  }

  /** A server gives less than was asked for; what it leaves out is to be fetched by another request. */
  shorten(lease: Lease, to: number): void {
    if (to >= lease.to) return;
    this.#giveBack({ from: to, to: lease.to }, lease.twin);
    lease.to = to;
  }

  /** So many more bytes of a piece are there. @returns How many of them are new. */
  advance(lease: Lease, count: number): number {
    const from = lease.at;
    lease.at += count;
    return this.finished.add({ from, to: lease.at });
  }

  /** A connection has come to an end; what it leaves over can be given out again. */
  release(lease: Lease): void {
    this.#active.delete(lease);
    if (lease.twin !== undefined) lease.twin.twin = undefined;
    this.#giveBack({ from: lease.at, to: lease.to }, lease.twin);
    lease.twin = undefined;
  }

  #giveBack(range: ByteRange, twin: Lease | undefined): void {
    for (const gap of this.finished.gaps(range)) this.#free.add(gap);
    if (twin !== undefined) this.#free.remove({ from: twin.at, to: twin.to });
  }
}

/** How long a piece will take from now on; one that never brought a byte, as long as it has been waited for. */
function timeLeftMs(lease: Lease, usualBytesPerMs: number, nowMs: number): number {
  const left = lease.to - lease.at;
  const own = lease.speed.soon(nowMs);
  if (lease.phase === "flowing" && own > 0) return left / own;
  const waitedMs = nowMs - lease.requestedAtMs;
  return waitedMs + (usualBytesPerMs > 0 ? left / usualBytesPerMs : waitedMs);
}
