import { BLOCK_BYTES } from "./blocks.ts";

/** Room for a whole block with its head, and for short frames before it. */
const LARGE_BYTES = BLOCK_BYTES + 64 * 1024;
/** What everybody can have: enough to keep a connection busy. */
export const SMALL_BYTES = 64 * 1024;
/** Who has no more to send needs no large one: a plain list, for one, is never longer. */
const LARGE_FROM_BYTES = 4096;
/** Buffers of each kind that are kept for those who come next. */
const KEPT = 8;

/**
 * Memory for what is about to be sent. There are only so many large buffers; who comes later makes do with a
 * small one, which costs twice the reading but has nobody wait: a hundred clients that take nothing of what
 * they asked for hold up no other, and cost a bounded amount.
 */
export class SendMemory {
  readonly #maxLarge: number;
  readonly #large: Uint8Array<ArrayBuffer>[] = [];
  readonly #small: Uint8Array<ArrayBuffer>[] = [];
  #largeOut = 0;
  #smallOut = 0;

  /** @param maxLarge Most large buffers at a time, of 1.06 MiB each. */
  constructor(maxLarge: number) {
    this.#maxLarge = maxLarge;
  }

  /** Bytes that are in use. */
  get bytes(): number {
    return this.#largeOut * LARGE_BYTES + this.#smallOut * SMALL_BYTES;
  }

  /** A buffer for so many bytes; one that holds them, if there is one. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes > LARGE_FROM_BYTES && this.#largeOut < this.#maxLarge) {
      this.#largeOut++;
      return this.#large.pop() ?? new Uint8Array(LARGE_BYTES);
    }
    this.#smallOut++;
    return this.#small.pop() ?? new Uint8Array(SMALL_BYTES);
  }

  /** Takes back what {@linkcode take} gave. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    const isLarge = buffer.length > SMALL_BYTES;
    if (isLarge) this.#largeOut--;
    else this.#smallOut--;
    const kept = isLarge ? this.#large : this.#small;
    if (kept.length < KEPT) kept.push(buffer);
  }
}
