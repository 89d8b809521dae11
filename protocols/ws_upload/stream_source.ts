import { createHash } from "node:crypto";
import { KeptBytes } from "./kept_bytes.ts";
import type { UploadSource } from "./source_file.ts";

/** The most that is kept to be sent again: the largest window of the extension. */
const KEPT_MOST_BYTES = 32 * 1024 * 1024;

/**
 * A stream, such as standard input, as the source of an upload. It can be read once, so the last bytes are
 * kept: as many as may be under way unacknowledged, so that a lost connection can go on where the server
 * is. Reads no further than it is asked to, so that memory stays the same however long the stream is, and
 * hashes what it reads.
 *
 * @example
 * ```ts
 * using source = new StreamSource(Deno.stdin.readable, { keptBytes: windowBytes });
 * await source.read(0, new Uint8Array(65_536)); // fewer bytes only where the stream ends
 * source.size; // its length, once that is known
 * ```
 */
export class StreamSource implements UploadSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #hash = createHash("sha256");
  readonly #kept: KeptBytes;
  /** Of the last piece of the stream, what was not asked for yet. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Bytes taken from the stream in all. */
  #taken = 0;
  #hasEnded = false;
  #isStopped = false;

  /** @param options `keptBytes`: how far back a read may begin, at most (and by default) 32 MiB. */
  constructor(stream: ReadableStream<Uint8Array>, options: { readonly keptBytes?: number } = {}) {
    this.#reader = stream.getReader();
    this.#kept = new KeptBytes(Math.min(options.keptBytes ?? KEPT_MOST_BYTES, KEPT_MOST_BYTES));
  }

  /** Bytes in all; `undefined` until the end has been seen. */
  get size(): number | undefined {
    return this.#hasEnded ? this.#taken : undefined;
  }

  /**
   * Reads from `offset` on until `room` is full, and waits for that; less where the stream ends.
   *
   * @throws {RangeError} They are gone, or were skipped.
   */
  async read(offset: number, room: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    if (offset > this.#taken) {
      throw new RangeError(`The stream can't be read from byte ${offset} on: it is at byte ${this.#taken}`);
    }
    const oldest = this.#taken - this.#kept.length;
    if (offset < oldest) {
      throw new RangeError(
        `The stream can't be sent again from byte ${offset} on: only bytes from ${oldest} on are kept`,
      );
    }
    let filled = this.#kept.copy(this.#taken - offset, room);
    while (filled < room.length && await this.#hasMore()) {
      const piece = this.#rest.subarray(0, room.length - filled);
      room.set(piece, filled);
      filled += piece.length;
      this.#take(piece.length);
    }
    return room.subarray(0, filled);
  }

  /** The digest of the whole stream in hexadecimal; reads it to its end. */
  async sha256(): Promise<string> {
    while (await this.#hasMore()) this.#take(this.#rest.length);
    return this.#hash.copy().digest("hex");
  }

  /**
   * SHA-256 of the first `length` bytes in hexadecimal.
   *
   * @throws {RangeError} They are not all that was read: the others are gone.
   */
  digest(length: number): Promise<string> {
    if (length === this.#taken) return Promise.resolve(this.#hash.copy().digest("hex"));
    return Promise.reject(
      new RangeError(
        `The digest of ${length} bytes of the stream is not known: it is at byte ${this.#taken}`,
      ),
    );
  }

  /** Lets go of the stream: a read that waits for it fails, and so does every later one that needs more. */
  stop(): void {
    this.#isStopped = true;
    // A stream that has failed has told so to who read it.
    this.#reader.cancel().catch(() => {});
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** Whether there is something in `#rest`, waiting for it. */
  async #hasMore(): Promise<boolean> {
    while (this.#rest.length === 0 && !this.#hasEnded) {
      const { value, done } = await this.#reader.read();
      // What is let go of also ends, but not where the data does.
      if (this.#isStopped) throw new Error("The stream was let go of before its end");
      if (done) this.#hasEnded = true;
      else this.#rest = value;
    }
    return this.#rest.length > 0;
  }

  #take(length: number): void {
    const piece = this.#rest.subarray(0, length);
    this.#hash.update(piece);
    this.#kept.push(piece);
    this.#rest = this.#rest.subarray(length);
    this.#taken += length;
  }
}
