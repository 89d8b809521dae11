/**
 * How much of a file may be under way, and in what pieces. Also loaded by the page, so it imports
 * nothing. Offsets and sizes are bytes, times milliseconds.
 */

/** What is under way at first, and at least what is allowed to be. */
const INITIAL_WINDOW_BYTES = 4 * 1024 * 1024;
/** The shortest piece, and the first: a slow link must not be silent for long. */
const LEAST_CHUNK_BYTES = 64 * 1024;
const INITIAL_CHUNK_BYTES = 256 * 1024;
/** A piece takes about this long on the link. */
const CHUNK_MS = 100;

/** What the server allows. */
export interface WindowLimits {
  readonly windowBytes: number;
  readonly chunkBytes: number;
}

/**
 * The window of an upload: grows to twice the product of bandwidth and delay, as both are measured from
 * acknowledgements, so that the link is never idle and no more memory is taken than that needs. TCP
 * below it cares for congestion.
 */
export class FlightWindow {
  readonly #limits: WindowLimits;
  #windowBytes: number;
  #chunkBytes: number;
  /** What is under way: where each piece ends, and when it was sent. */
  #pieces: { readonly end: number; readonly atMs: number }[] = [];
  #leastRoundTripMs = Infinity;
  /** A round is over once everything is acknowledged that was under way when it began. */
  #round: { readonly from: number; readonly to: number; readonly atMs: number } | undefined;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
    this.#windowBytes = Math.min(INITIAL_WINDOW_BYTES, limits.windowBytes);
    this.#chunkBytes = Math.min(INITIAL_CHUNK_BYTES, limits.chunkBytes);
  }

  /** The most that may be under way. */
  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** How long the next piece should be. */
  get chunkBytes(): number {
    return this.#chunkBytes;
  }

  /** Whether anything is under way. */
  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** A piece was sent. */
  sent(piece: { readonly offset: number; readonly end: number }, nowMs: number): void {
    this.#round ??= { from: piece.offset, to: piece.end, atMs: nowMs };
    this.#pieces.push({ end: piece.end, atMs: nowMs });
  }

  /** Everything before `offset` has arrived. */
  acknowledged(offset: number, nowMs: number): void {
    let last: { readonly atMs: number } | undefined;
    while (this.#pieces[0] !== undefined && this.#pieces[0].end <= offset) last = this.#pieces.shift();
    if (last !== undefined) {
      this.#leastRoundTripMs = Math.min(this.#leastRoundTripMs, Math.max(1, nowMs - last.atMs));
    }
    if (this.#round === undefined || offset < this.#round.to) return;
    const bytesPerMs = (offset - this.#round.from) / Math.max(1, nowMs - this.#round.atMs);
    const to = this.#pieces.at(-1)?.end;
    this.#round = to === undefined ? undefined : { from: offset, to, atMs: nowMs };
    this.#fit(bytesPerMs);
  }

  /** What is under way will not be acknowledged: it is sent again. */
  lost(): void {
    this.#pieces = [];
    this.#round = undefined;
  }

  #fit(bytesPerMs: number): void {
    const wanted = 2 * bytesPerMs * this.#leastRoundTripMs;
    this.#windowBytes = Math.min(this.#limits.windowBytes, Math.max(this.#windowBytes, wanted));
    const piece = Math.floor(bytesPerMs * CHUNK_MS / LEAST_CHUNK_BYTES) * LEAST_CHUNK_BYTES;
    // A quarter of the window at most: the server acknowledges in quarters.
    const most = Math.min(this.#limits.chunkBytes, Math.floor(this.#windowBytes / 4));
    this.#chunkBytes = Math.max(1, Math.min(most, Math.max(LEAST_CHUNK_BYTES, piece)));
  }
}
