import { maskableBytes } from "./maskable_memory.ts";

/**
 * Memory for what clients are sending, bounded over all connections: whoever finds it spent waits, in
 * order, until others have given theirs back. A core without I/O.
 */
export class ReceiveMemory {
  readonly #limitBytes: number;
  #heldBytes = 0;
  /** Given back and not yet taken again: memory that was used before costs no page faults. */
  #spare: Uint8Array[] = [];
  #waiting: Waiter[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes that connections hold now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether so much is held that nobody should keep what is of little use. */
  get isScarce(): boolean {
    return this.#heldBytes > this.#limitBytes / 2;
  }

  /** Whether more than the limit is held. */
  get isExceeded(): boolean {
    return this.#heldBytes > this.#limitBytes;
  }

  /** Connections that wait for memory. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Asks for memory of at least so many bytes.
   *
   * @param onGranted Called with it, at once if there is some. The last one who gets some may exceed the
   * limit, so that whoever asks for much is served too.
   * @returns Takes the request back.
   */
  take(bytes: number, onGranted: (memory: Uint8Array) => void): () => void {
    const waiter = { bytes, onGranted };
    this.#waiting.push(waiter);
    this.#serve();
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== waiter);
    };
  }

  /** Gives back what was taken; nothing may use it any more. */
  give(memory: Uint8Array): void {
    this.#heldBytes -= memory.length;
    const spareBytes = this.#spare.reduce((sum, { length }) => sum + length, memory.length);
    if (spareBytes <= MAX_SPARE_BYTES) this.#spare.push(memory);
    this.#serve();
  }

  /** Counts memory that a connection has besides, or no longer has. */
  count(bytes: number): void {
    this.#heldBytes += bytes;
    this.#serve();
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#heldBytes >= this.#limitBytes) return;
      // Before it is off the list: there may be none, and then it still waits.
      const memory = this.#find(sizeFor(next.bytes));
      this.#waiting.shift();
      this.#heldBytes += memory.length;
      next.onGranted(memory);
    }
  }

  #find(size: number): Uint8Array {
    const at = this.#spare.findIndex(({ length }) => length === size);
    const [memory = this.#make(size)] = at < 0 ? [] : this.#spare.splice(at, 1);
    return memory;
  }

  /** Of so much as is kept anyway, the dearer kind. */
  #make(size: number): Uint8Array {
    return this.#heldBytes + size <= MAX_SPARE_BYTES ? maskableBytes(size) : new Uint8Array(size);
  }
}

interface Waiter {
  readonly bytes: number;
  readonly onGranted: (memory: Uint8Array) => void;
}

/** As much as this is kept for the next to come. */
const MAX_SPARE_BYTES = 8 * 1024 * 1024;
/** Sizes are multiples of this, so that what one connection gives back fits another. */
const STEP_BYTES = 128 * 1024;

function sizeFor(bytes: number): number {
  return Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
}
