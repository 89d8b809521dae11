import { type ByteRange, ByteRanges } from "../../store/byte_ranges.ts";
import type { ConnectionEvents } from "./connection_options.ts";
import { ControlReceiving } from "./control_stream.ts";
import { Violation } from "./violation.ts";

/** Credit is told without being asked for once it has grown by this share of the window. */
const NEWS_SHARE = 1 / 4;

/**
 * Most gaps that may be between the bytes that came of a file, beyond those between the ranges that were asked for: each
 * takes memory that no credit counts. Between all packets of the longest window are half as many.
 */
const MAX_GAPS = 32_768;

/** A file whose bytes come. */
interface ExpectedFile {
  ranges: readonly ByteRange[];
  readonly missing: ByteRanges;
  /** Of them, how many bytes came. */
  receivedBytes: number;
  isDiscarded: boolean;
}

/** The other direction: puts the control stream together, hands out the bytes of files once each, and gives credit. */
export class Receiver {
  readonly #events: ConnectionEvents;
  readonly #windowBytes: number;
  readonly #control = new ControlReceiving();
  readonly #deliver: (line: string) => void;
  readonly #files = new Map<number, ExpectedFile>();
  /** Of those nothing is expected any more, but packets may still be on their way. */
  readonly #finished = new Set<number>();
  #receivedBytes = 0;
  #consumedBytes = 0;
  #toldBytes: number;

  constructor(events: ConnectionEvents, windowBytes: number) {
    this.#events = events;
    this.#windowBytes = windowBytes;
    this.#toldBytes = windowBytes;
    this.#deliver = (line) => events.control(line);
  }

  /** How many bytes of files the peer may send, from the beginning. */
  get creditBytes(): number {
    return this.#consumedBytes + this.#windowBytes;
  }

  /** Whether the peer should be told of its credit soon. */
  get hasNews(): boolean {
    return this.creditBytes - this.#toldBytes >= Math.max(1, NEWS_SHARE * this.#windowBytes);
  }

  /** The peer is being told of its credit. @returns What it is. */
  tell(): number {
    return this.#toldBytes = this.creditBytes;
  }

  /** Takes what a DATA packet carries. @throws {Violation} */
  data(file: number, offset: number, bytes: Uint8Array): void {
    if (file === 0) return this.#control.add(offset, bytes, this.#deliver);
    const expected = this.#files.get(file);
    if (expected === undefined) {
      if (this.#finished.has(file)) return;
      throw new Violation(`Nothing was asked for of file ${file}`);
    }
    const range = { from: offset, to: offset + bytes.length };
    // Beyond that, sums are not exact, and a range could seem to be empty.
    if (!Number.isSafeInteger(range.to)) throw new Violation(`No file has bytes at ${offset}`);
    // The usual case: nothing of it has come before.
    if (expected.missing.covers(range)) this.#take(file, expected, range, bytes);
    else this.#takeMissing(file, expected, range, bytes);
    if (expected.missing.bytes === 0) this.#finish(file);
  }

  expect(file: number, ranges: readonly ByteRange[]): void {
    const missing = new ByteRanges(ranges);
    if (missing.bytes === 0) this.#finished.add(file);
    else this.#files.set(file, { ranges, missing, receivedBytes: 0, isDiscarded: false });
  }

  expectUnbounded(file: number): void {
    this.expect(file, [{ from: 0, to: Number.MAX_SAFE_INTEGER }]);
  }

  /** @throws {Violation} */
  bound(file: number, size: number): void {
    const expected = this.#files.get(file);
    if (expected === undefined) return;
    const beyond = { from: size, to: Number.MAX_SAFE_INTEGER };
    if (!expected.missing.covers(beyond)) throw new Violation(`File ${file} goes on behind its end`);
    expected.missing.remove(beyond);
    expected.ranges = [{ from: 0, to: size }];
    if (expected.missing.bytes === 0) this.#finish(file);
  }

  discard(file: number): void {
    const expected = this.#files.get(file);
    if (expected !== undefined) expected.isDiscarded = true;
  }

  settle(file: number, sentBytes: number): void {
    const expected = this.#files.get(file);
    if (expected === undefined) return;
    const most = expected.receivedBytes + expected.missing.bytes;
    const neverBytes = Math.max(0, Math.min(most, sentBytes) - expected.receivedBytes);
    this.#receivedBytes += neverBytes;
    this.#consumedBytes += neverBytes;
    this.#finish(file);
  }

  consumed(bytes: number): void {
    this.#consumedBytes = Math.min(this.#receivedBytes, this.#consumedBytes + bytes);
  }

  #takeMissing(file: number, expected: ExpectedFile, { from, to }: ByteRange, bytes: Uint8Array): void {
    if (!expected.ranges.some((range) => range.from <= from && to <= range.to)) {
      throw new Violation(`Bytes ${from} to ${to} of file ${file} were not asked for`);
    }
    const pieces: ByteRange[] = [];
    for (const range of expected.missing) {
      if (range.from >= to) break;
      if (range.to > from) pieces.push({ from: Math.max(from, range.from), to: Math.min(to, range.to) });
    }
    for (const piece of pieces) {
      this.#take(file, expected, piece, bytes.subarray(piece.from - from, piece.to - from));
    }
  }

  #take(file: number, expected: ExpectedFile, range: ByteRange, bytes: Uint8Array): void {
    if (this.#receivedBytes + bytes.length > this.creditBytes) {
      throw new Violation(`More than the ${this.creditBytes} bytes that there was credit for`);
    }
    expected.missing.remove(range);
    if (expected.missing.count > expected.ranges.length + MAX_GAPS) {
      throw new Violation(`Bytes of file ${file} come with more than ${MAX_GAPS} gaps between them`);
    }
    expected.receivedBytes += bytes.length;
    this.#receivedBytes += bytes.length;
    if (expected.isDiscarded) this.#consumedBytes += bytes.length;
    else if (bytes.length > 0) this.#events.content(file, range.from, bytes);
  }

  #finish(file: number): void {
    this.#files.delete(file);
    this.#finished.add(file);
  }
}
