/** The control stream of a connection: lines of text, reliable and in order, as DATA of file 0. */

import { ByteRanges } from "../../store/byte_ranges.ts";
import { Violation } from "./violation.ts";

/** Longest line, in bytes, with its end. */
export const MAX_CONTROL_LINE_BYTES = 32 * 1024;
/** How far a sender may be ahead of the first byte that is not acknowledged. */
const CONTROL_WINDOW_BYTES = 64 * 1024;
const LINE_END = 0x0a;

const encoder = new TextEncoder();

/** The lines that this end sends, until they are acknowledged. */
export class ControlSending {
  #bytes = new Uint8Array(1024);
  /** Offset in the stream of the first byte that is kept. */
  #base = 0;
  #end = 0;
  #sent = 0;
  readonly #acked = new ByteRanges();
  readonly #lost = new ByteRanges();

  /** Bytes that are not acknowledged. */
  get backlogBytes(): number {
    return this.#end - this.#base;
  }

  /** Whether something can be sent now. */
  get hasMore(): boolean {
    return this.#lost.bytes > 0 || this.#sent < Math.min(this.#end, this.#base + CONTROL_WINDOW_BYTES);
  }

  /** Adds a line. @throws {RangeError} It is too long, or more than one. */
  add(line: string): void {
    const bytes = encoder.encode(`${line}\n`);
    if (bytes.length > MAX_CONTROL_LINE_BYTES || bytes.indexOf(LINE_END) !== bytes.length - 1) {
      const found = `${bytes.length} bytes`;
      throw new RangeError(
        `A control line is one line of at most ${MAX_CONTROL_LINE_BYTES} bytes, not ${found}`,
      );
    }
    const length = this.backlogBytes;
    if (length + bytes.length > this.#bytes.length) {
      const longer = new Uint8Array(2 * (length + bytes.length));
      longer.set(this.#bytes.subarray(0, length));
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, length);
    this.#end += bytes.length;
  }

  /** Offset of what {@linkcode fill} gives next. */
  get nextOffset(): number {
    return this.#lost.first?.from ?? this.#sent;
  }

  /** Fills in what is to be sent next. @returns How many bytes. */
  fill(target: Uint8Array): number {
    const from = this.nextOffset;
    const isRepeated = this.#lost.bytes > 0;
    const end = this.#lost.first?.to ?? Math.min(this.#end, this.#base + CONTROL_WINDOW_BYTES);
    const length = Math.min(end - from, target.length);
    target.set(this.#bytes.subarray(from - this.#base, from - this.#base + length));
    if (isRepeated) this.#lost.remove({ from, to: from + length });
    else this.#sent += length;
    return length;
  }

  acked(from: number, length: number): void {
    const to = from + length;
    this.#lost.remove({ from, to });
    if (to <= this.#base) return;
    this.#acked.add({ from: Math.max(from, this.#base), to });
    const first = this.#acked.first;
    if (first === undefined || first.from !== this.#base) return;
    this.#bytes.copyWithin(0, first.to - this.#base, this.backlogBytes);
    this.#base = first.to;
    this.#acked.remove(first);
  }

  lost(from: number, length: number): void {
    for (const range of this.#acked.gaps({ from: Math.max(from, this.#base), to: from + length })) {
      this.#lost.add(range);
    }
  }
}

/** Puts the peer's lines together. */
export class ControlReceiving {
  /** A window from the first byte that has not come, and the line that it is part of. */
  #bytes = new Uint8Array(1024);
  #base = 0;
  readonly #got = new ByteRanges();
  readonly #decoder = new TextDecoder();

  /**
   * Takes bytes of the stream.
   *
   * @param deliver Called with each line that is complete now, in order.
   * @throws {Violation} A line is too long, or the bytes are beyond what a sender may have sent.
   */
  add(offset: number, bytes: Uint8Array, deliver: (line: string) => void): void {
    const to = offset + bytes.length;
    if (to > this.#base + MAX_CONTROL_LINE_BYTES + CONTROL_WINDOW_BYTES) {
      throw new Violation(`Control bytes up to ${to} are beyond the window`);
    }
    const from = Math.max(offset, this.#base);
    if (from >= to || this.#got.add({ from, to }) === 0) return;
    this.#reserve(to - this.#base);
    this.#bytes.set(bytes.subarray(from - offset), from - this.#base);
    const first = this.#got.first;
    if (first !== undefined && first.from === this.#base) this.#deliver(first.to - this.#base, deliver);
  }

  #deliver(length: number, deliver: (line: string) => void): void {
    let from = 0;
    for (let end = this.#lineEnd(from, length); end >= 0; end = this.#lineEnd(from, length)) {
      if (end - from >= MAX_CONTROL_LINE_BYTES) throw tooLong();
      deliver(this.#decoder.decode(this.#bytes.subarray(from, end)));
      from = end + 1;
    }
    if (length - from >= MAX_CONTROL_LINE_BYTES) throw tooLong();
    if (from === 0) return;
    this.#bytes.copyWithin(0, from);
    this.#got.remove({ from: this.#base, to: this.#base + from });
    this.#base += from;
  }

  #lineEnd(from: number, length: number): number {
    const end = this.#bytes.indexOf(LINE_END, from);
    return end < length ? end : -1;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const longer = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
    longer.set(this.#bytes);
    this.#bytes = longer;
  }
}

function tooLong(): Violation {
  return new Violation(`A control line is longer than ${MAX_CONTROL_LINE_BYTES} bytes`);
}
