/** The bytes [from, to) of a file. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** Bytes of a file as ranges in order, none empty, none touching another. */
export class ByteRanges implements Iterable<ByteRange> {
  #ranges: ByteRange[] = [];
  #bytes = 0;

  constructor(ranges: Iterable<ByteRange> = []) {
    for (const range of ranges) this.add(range);
  }

  /** How many bytes they are together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many ranges. */
  get count(): number {
    return this.#ranges.length;
  }

  get first(): ByteRange | undefined {
    return this.#ranges[0];
  }

  [Symbol.iterator](): Iterator<ByteRange> {
    return this.#ranges[Symbol.iterator]();
  }

  /** Adds a range, which may overlap what is there. @returns How many of its bytes are new. */
  add({ from, to }: ByteRange): number {
    if (from >= to) return 0;
    const start = this.#firstEndingFrom(from);
    let end = start;
    let merged = { from, to };
    let known = 0;
    for (
      let range = this.#ranges[end];
      range !== undefined && range.from <= to;
      range = this.#ranges[++end]
    ) {
      known += range.to - range.from;
      merged = { from: Math.min(merged.from, range.from), to: Math.max(merged.to, range.to) };
    }
    this.#ranges.splice(start, end - start, merged);
    const added = merged.to - merged.from - known;
    this.#bytes += added;
    return added;
  }

  /** Takes a range away, as far as it is there. */
  remove({ from, to }: ByteRange): void {
    if (from >= to) return;
    const start = this.#firstEndingFrom(from);
    let end = start;
    const rest: ByteRange[] = [];
    for (let range = this.#ranges[end]; range !== undefined && range.from < to; range = this.#ranges[++end]) {
      this.#bytes -= Math.max(0, Math.min(range.to, to) - Math.max(range.from, from));
      if (range.from < from) rest.push({ from: range.from, to: Math.min(range.to, from) });
      if (range.to > to) rest.push({ from: Math.max(range.from, to), to: range.to });
    }
    this.#ranges.splice(start, end - start, ...rest);
  }

  /** What of a range is not there, in order. */
  gaps({ from, to }: ByteRange): ByteRange[] {
    const gaps: ByteRange[] = [];
    let at = from;
    for (const range of this.#ranges) {
      if (range.to <= at) continue;
      if (range.from >= to) break;
      if (range.from > at) gaps.push({ from: at, to: range.from });
      at = range.to;
    }
    if (at < to) gaps.push({ from: at, to });
    return gaps;
  }

  /** Whether all of a range is there. */
  covers({ from, to }: ByteRange): boolean {
    const range = this.#ranges[this.#firstEndingFrom(from + 1)];
    return from >= to || (range !== undefined && range.from <= from && range.to >= to);
  }

  /** Index of the first range that ends at `at` or behind it. */
  #firstEndingFrom(at: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.to ?? Infinity) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
