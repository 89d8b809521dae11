/** Buffers of one size that are used again: to make one costs more than to fill it. */
export class SpareBuffers {
  readonly #bytes: number;
  readonly #sparesMost: number;
  readonly #spares: Uint8Array<ArrayBuffer>[] = [];

  /** @param sparesMost How many are kept that are not in use. */
  constructor({ bytes, sparesMost }: { readonly bytes: number; readonly sparesMost: number }) {
    this.#bytes = bytes;
    this.#sparesMost = sparesMost;
  }

  /** A buffer with anything in it, for nobody else until it is given back. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#spares.pop() ?? new Uint8Array(this.#bytes);
  }

  /** Gives one back that nobody reads or writes any more. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#spares.length < this.#sparesMost) this.#spares.push(buffer);
  }
}
