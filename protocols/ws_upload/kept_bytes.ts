/** Bytes that the store begins with; it doubles as they fill it. */
const FIRST_BYTES = 1024 * 1024;

/** The last bytes of all that were pushed, up to a number of them. Its memory grows as they come. */
export class KeptBytes {
  readonly #mostBytes: number;
  #store: Uint8Array<ArrayBuffer>;
  /** Bytes that are there, and where the next one goes: a ring, once it is full. */
  #length = 0;
  #end = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
    this.#store = new Uint8Array(Math.min(mostBytes, FIRST_BYTES));
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    this.#growFor(bytes.length);
    const size = this.#store.length;
    const kept = bytes.subarray(Math.max(0, bytes.length - size));
    const first = Math.min(kept.length, size - this.#end);
    this.#store.set(kept.subarray(0, first), this.#end);
    this.#store.set(kept.subarray(first), 0);
    this.#end = size === 0 ? 0 : (this.#end + kept.length) % size;
    this.#length = Math.min(size, this.#length + kept.length);
  }

  /** Copies from `back` bytes before the end on; answers how many there were room and bytes for. */
  copy(back: number, into: Uint8Array): number {
    const count = Math.min(back, into.length);
    if (count === 0) return 0;
    const size = this.#store.length;
    const start = (this.#end - back + size) % size;
    const first = Math.min(count, size - start);
    into.set(this.#store.subarray(start, start + first));
    into.set(this.#store.subarray(0, count - first), first);
    return count;
  }

  #growFor(length: number): void {
    if (this.#store.length === this.#mostBytes || this.#length + length <= this.#store.length) return;
    let size = this.#store.length;
    while (size < this.#length + length && size < this.#mostBytes) size = Math.min(size * 2, this.#mostBytes);
    const store = new Uint8Array(size);
    this.copy(this.#length, store);
    this.#store = store;
    this.#end = this.#length % size;
  }
}
