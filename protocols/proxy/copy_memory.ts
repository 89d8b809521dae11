/** What a read brings at most: with more, a gigabyte goes through no faster. */
const LARGE_BYTES = 128 * 1024;

/** Large buffers for bodies, of which there are only so many. Who finds none makes do with a small one. */
export class CopyMemory {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #left: number;

  /** @param count Of buffers at a time. */
  constructor(count: number) {
    this.#left = count;
  }

  /** @returns `undefined`: all are in use. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const buffer = this.#free.pop();
    if (buffer !== undefined) return buffer;
    if (this.#left === 0) return undefined;
    this.#left--;
    return new Uint8Array(LARGE_BYTES);
  }

  /** Gives back what was taken. */
  release(buffer: Uint8Array<ArrayBuffer>): void {
    this.#free.push(buffer);
  }
}
