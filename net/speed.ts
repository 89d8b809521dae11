/** How quickly the past is forgotten: half of the weight lies within the last 1.4 s. */
const MEMORY_MS = 2_000;
/** The same where it counts what a connection does at the moment. */
const SHORT_MEMORY_MS = 300;
/** A shorter time says nothing about a speed. */
const LEAST_MS = 50;

/** The speed of a connection, in bytes a millisecond; falls while nothing comes. */
export class Speed {
  readonly #usual: Average;
  readonly #recent: Average;

  constructor(nowMs: number) {
    this.#usual = new Average(MEMORY_MS, nowMs);
    this.#recent = new Average(SHORT_MEMORY_MS, nowMs);
  }

  /** Notes that so many bytes have come. */
  add(bytes: number, nowMs: number): void {
    this.#usual.add(bytes, nowMs);
    this.#recent.add(bytes, nowMs);
  }

  /** Over the last seconds. */
  at(nowMs: number): number {
    return this.#usual.at(nowMs);
  }

  /** What can be counted on for the next moment: no more than usual, and no more than just now. */
  soon(nowMs: number): number {
    return Math.min(this.#usual.at(nowMs), this.#recent.at(nowMs));
  }
}

/** An average over time in which what is longer ago counts less. Constant in time and space. */
class Average {
  readonly #memoryMs: number;
  readonly #sinceMs: number;
  /** Bytes, each weighted by its age at `#atMs`. */
  #weighted = 0;
  #atMs: number;

  constructor(memoryMs: number, nowMs: number) {
    this.#memoryMs = memoryMs;
    this.#sinceMs = this.#atMs = nowMs;
  }

  add(bytes: number, nowMs: number): void {
    this.#weighted = this.#weightedAt(nowMs) + bytes;
    this.#atMs = nowMs;
  }

  at(nowMs: number): number {
    const elapsedMs = Math.max(LEAST_MS, nowMs - this.#sinceMs);
    return this.#weightedAt(nowMs) / (this.#memoryMs * (1 - Math.exp(-elapsedMs / this.#memoryMs)));
  }

  #weightedAt(nowMs: number): number {
    return this.#weighted * Math.exp(-Math.max(0, nowMs - this.#atMs) / this.#memoryMs);
  }
}
