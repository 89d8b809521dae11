/**
 * Takes frames out of a peer's bytes, as a core without I/O. The caller reads into
 * {@linkcode FrameReader.space}, tells how much came, and takes out what is complete. Nothing is copied but
 * what a read left of a frame that has not come whole.
 */

import { decodeFrameHead, type Frame, FRAME_HEADER_BYTES, type Role } from "./frames.ts";

const KIB = 1024;
/** Memory that every connection has. */
export const BASE_BYTES = 16 * KIB;
/** Room behind a long frame, so that the beginning of the next one comes with the same read. */
const SPARE_BYTES = 64 * KIB;
/** What memory grows to by itself when reads fill it: many short frames then come with one system call. */
const BUSY_BYTES: Readonly<Record<Role, number>> = { client: 64 * KIB, server: 256 * KIB };

/** Options of {@linkcode FrameReader}. */
export interface FrameReaderOptions {
  /** The end that is read. */
  readonly sender: Role;
  /** Bytes that came before there was a reader. Copied. */
  readonly first?: Uint8Array;
}

/**
 * Reads frames.
 *
 * Memory: {@linkcode BASE_BYTES} for a peer that says little; at most 64 KiB for what a client sends, and
 * one block and 64 KiB for what a server sends. It does not shrink.
 */
export class FrameReader {
  readonly #sender: Role;
  #memory = new Uint8Array(BASE_BYTES);
  /** What was read and not taken out: [start, end) of the memory. */
  #start = 0;
  #end = 0;
  /** Bytes of the frame under way, as far as its header tells; 0: nothing of it has been looked at. */
  #frameBytes = 0;
  #isFull = false;

  constructor({ sender, first = new Uint8Array(0) }: FrameReaderOptions) {
    this.#sender = sender;
    if (first.length > this.#memory.length) this.#memory = new Uint8Array(first.length);
    this.#memory.set(first);
    this.#end = first.length;
  }

  /** Whether a frame has begun to come that is not complete, or was not taken out. */
  get isWithin(): boolean {
    return this.#start < this.#end;
  }

  /** Bytes of memory in use. */
  get memoryBytes(): number {
    return this.#memory.length;
  }

  /**
   * Where the next bytes are to be read to: at least one, once {@linkcode next} had nothing more. What frames
   * hold that were taken out is not good any more.
   */
  space(): Uint8Array<ArrayBuffer> {
    const memory = this.#roomier();
    if (this.#start > 0 || memory !== this.#memory) {
      memory.set(this.#memory.subarray(this.#start, this.#end));
      this.#end -= this.#start;
      this.#start = 0;
      this.#memory = memory;
    }
    return memory.subarray(this.#end);
  }

  /** So many bytes were read there. */
  filled(count: number): void {
    this.#end += count;
    this.#isFull = this.#end === this.#memory.length;
  }

  /**
   * Takes out the next frame. Its payload is good until {@linkcode space} is called.
   *
   * @returns `undefined`: more bytes are needed.
   * @throws {FrameError} The peer breaks the protocol. Nothing more can be read, and every call says so.
   */
  next(): Frame | undefined {
    const head = decodeFrameHead(this.#memory.subarray(this.#start, this.#end), this.#sender);
    this.#frameBytes = head === undefined ? 0 : FRAME_HEADER_BYTES + head.payloadBytes;
    if (head === undefined || this.#end - this.#start < this.#frameBytes) return undefined;
    const payload = this.#memory.subarray(this.#start + FRAME_HEADER_BYTES, this.#start + this.#frameBytes);
    this.#start += this.#frameBytes;
    this.#frameBytes = 0;
    return { ...head, payload };
  }

  /** The memory to go on with: the same, or more. */
  #roomier(): Uint8Array<ArrayBuffer> {
    const busy = this.#isFull ? BUSY_BYTES[this.#sender] : 0;
    const long = this.#frameBytes > BASE_BYTES ? this.#frameBytes + SPARE_BYTES : this.#frameBytes;
    const bytes = Math.max(busy, this.#sender === "client" ? this.#frameBytes : long);
    return bytes > this.#memory.length ? new Uint8Array(bytes) : this.#memory;
  }
}
