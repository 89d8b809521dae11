/** How quickly the past is forgotten: half of the weight lies within the last 1.4 s. */
const MEMORY_MS = 2_000;
/** A shorter time says nothing about a speed. */
const LEAST_MS = 50;

/** The speed of a connection: an average in which what is longer ago counts less. Constant in time and space. */
export class Speed {
  /** Bytes, each weighted by its age at `#atMs`. */
  #weighted = 0;
  #atMs: number;
  readonly #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = this.#atMs = nowMs;
  }

  /** Notes that so many bytes have come. */
  add(bytes: number, nowMs: number): void {
    this.#weighted = this.#weightedAt(nowMs) + bytes;
    this.#atMs = nowMs;
  }

  /** Bytes a millisecond; falls while nothing comes. */
  at(nowMs: number): number {
    const elapsedMs = Math.max(LEAST_MS, nowMs - this.#sinceMs);
    return this.#weightedAt(nowMs) / (MEMORY_MS * (1 - Math.exp(-elapsedMs / MEMORY_MS)));
  }

  #weightedAt(nowMs: number): number {
    return this.#weighted * Math.exp(-Math.max(0, nowMs - this.#atMs) / MEMORY_MS);
  }
}
