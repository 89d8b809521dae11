import { type ByteRange, ByteRanges } from "../../store/byte_ranges.ts";
import type { RangeWriter } from "../../store/ranged_part.ts";

/** Bytes that are written at a time, if they all come. */
const PIECE_BYTES = 256 * 1024;
/** Pieces that wait for more of their bytes; beyond that what is there of the oldest is written as it is. */
const MAX_PIECES = 96;
/** Memory that is kept for the next pieces, in pieces: what is let go takes memory until it is collected. */
const KEPT = 64;

/** A stretch of the file that has not come whole. */
interface Piece {
  readonly from: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What is in memory. */
  readonly here: ByteRanges;
  /** Bytes that are still to come. */
  missing: number;
}

/** Bytes that belong together. */
interface Part {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Options of {@linkcode ArrivingBytes}. */
export interface ArrivingBytesOptions {
  readonly writer: RangeWriter;
  /** What is to come. */
  readonly ranges: readonly ByteRange[];
  /** Called when so many bytes need no memory any more. */
  readonly onWritten: (bytes: number) => void;
  /** Called once, when the disk has failed. */
  readonly onFailure: (problem: unknown) => void;
}

/** Bytes that come in small pieces and any order, gathered in memory and written in large ones. */
export class ArrivingBytes {
  readonly #options: ArrivingBytesOptions;
  /** By their number, oldest first. */
  readonly #pieces = new Map<number, Piece>();
  /** What was written of pieces that had not come whole. */
  readonly #early = new ByteRanges();
  readonly #memory: Uint8Array<ArrayBuffer>[] = [];
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(options: ArrivingBytesOptions) {
    this.#options = options;
  }

  /** Takes a copy of bytes that were to come and did not come before. */
  add(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((offset + done) / PIECE_BYTES);
      const piece = this.#pieces.get(index) ?? this.#begin(index);
      const from = offset + done - piece.from;
      const length = Math.min(bytes.length - done, PIECE_BYTES - from);
      piece.bytes.set(bytes.subarray(done, done + length), from);
      piece.here.add({ from, to: from + length });
      piece.missing -= length;
      done += length;
      if (piece.missing === 0) this.#write(index, piece);
    }
  }

  /** Waits for the writes that are under way. */
  async written(): Promise<void> {
    await this.#writing;
  }

  /** Writes all that is there, and waits until that is done. */
  async flush(): Promise<void> {
    for (const [index, piece] of this.#pieces) this.#write(index, piece);
    await this.#writing;
  }

  #begin(index: number): Piece {
    const [oldest] = this.#pieces.size < MAX_PIECES ? [] : this.#pieces;
    if (oldest !== undefined) this.#write(...oldest);
    const from = index * PIECE_BYTES;
    const to = from + PIECE_BYTES;
    let missing = 0;
    for (const range of this.#options.ranges) {
      const wanted = { from: Math.max(range.from, from), to: Math.min(range.to, to) };
      for (const gap of this.#early.gaps(wanted)) missing += gap.to - gap.from;
    }
    const bytes = this.#memory.pop() ?? new Uint8Array(PIECE_BYTES);
    const piece = { from, bytes, here: new ByteRanges(), missing };
    this.#pieces.set(index, piece);
    return piece;
  }

  #write(index: number, piece: Piece): void {
    this.#pieces.delete(index);
    this.#writing = this.#writing.then(this.#writeOf(piece));
    if (piece.missing === 0) return;
    for (const { from, to } of piece.here) {
      this.#early.add({ from: piece.from + from, to: piece.from + to });
    }
  }

  /** The write of a piece, which has to wait for others: a sparse one gives its memory back before, since only bytes have credit. */
  #writeOf({ from, bytes, here }: Piece): () => Promise<void> {
    const isDense = here.bytes >= PIECE_BYTES / 2;
    const parts = [...here].map((range): Part => {
      const part = bytes.subarray(range.from, range.to);
      return { at: from + range.from, bytes: isDense ? part : part.slice() };
    });
    if (!isDense) this.#keep(bytes);
    return async () => {
      if (await this.#writeParts(parts) && isDense) this.#keep(bytes);
    };
  }

  /** @returns Whether that was done. */
  async #writeParts(parts: readonly Part[]): Promise<boolean> {
    if (this.#hasFailed) return false;
    const { writer, onWritten, onFailure } = this.#options;
    let written = 0;
    try {
      for (const { at, bytes } of parts) {
        await writer.write(bytes, at);
        written += bytes.length;
      }
    } catch (problem) {
      this.#hasFailed = true;
      onFailure(problem);
      return false;
    }
    onWritten(written);
    return true;
  }

  #keep(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#memory.length < KEPT) this.#memory.push(bytes);
  }
}
