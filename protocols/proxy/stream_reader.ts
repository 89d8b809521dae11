import type { ByteStream } from "../../net/dial.ts";
import { HeadScanner, headText } from "../../net/http_fields.ts";
import type { CopyMemory } from "./copy_memory.ts";
import { HEAD_RULES } from "./proxy_limits.ts";

/** Room before what is read, in which the size of a chunk can be written. */
export const HEADROOM_BYTES = 16;
/** Room behind it, for the line break that ends a chunk. */
const TAILROOM_BYTES = 2;
/** Before there is a reason to take more. */
const FIRST_BYTES = 8192;
/** For a body, where no large buffer is left. */
const MEDIUM_BYTES = 16_384;

/**
 * Reads a stream into a buffer of its own, no further than is asked for. What has come and was not consumed is
 * `bytes`; on both sides of it there is room for the framing of a chunk.
 */
export class StreamReader {
  readonly #stream: ByteStream;
  #buffer = new Uint8Array(FIRST_BYTES);
  #start = HEADROOM_BYTES;
  #end = HEADROOM_BYTES;
  /** The read under way, whoever asked for it. */
  #filling: Promise<boolean> | undefined;
  /** The large buffer's owner, while there is one. */
  #memory: CopyMemory | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** What has come. A view, which the next `fill` may overwrite. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Whether the last read took all the room there was: a larger buffer would bring more at a time. */
  get isFull(): boolean {
    return this.#end === this.#buffer.length - TAILROOM_BYTES;
  }

  /** The first `count` of the bytes are done with. */
  consume(count: number): void {
    this.#start += count;
  }

  /**
   * Waits for more bytes. While a read is under way, another call waits for the same.
   *
   * @returns Whether more came; `false`: nothing more will.
   * @throws {RangeError} There is no room for any.
   * @throws {Error} The stream failed.
   */
  fill(): Promise<boolean> {
    if (this.#filling !== undefined) return this.#filling;
    this.#compact(this.#buffer);
    const room = this.#buffer.subarray(this.#end, this.#buffer.length - TAILROOM_BYTES);
    if (room.length === 0) throw new RangeError("The buffer is full");
    this.#filling = this.#read(room);
    return this.#filling;
  }

  async #read(room: Uint8Array): Promise<boolean> {
    try {
      const count = await this.#stream.read(room);
      if (count !== null) this.#end += count;
      return count !== null;
    } finally {
      this.#filling = undefined;
    }
  }

  /** Reads with a large buffer from now on, if there is one. Not while a read is under way. */
  widen(memory: CopyMemory): void {
    if (this.#memory !== undefined || this.#filling !== undefined) return;
    const large = memory.take();
    if (large !== undefined) this.#memory = memory;
    else if (this.#buffer.length >= MEDIUM_BYTES) return;
    this.#compact(large ?? new Uint8Array(MEDIUM_BYTES));
  }

  /**
   * Gives the large buffer back; what has come is kept. Nobody may use a view of it any more, as it goes to another
   * connection: so it stays while a read is under way.
   */
  narrow(): void {
    if (this.#memory === undefined) return;
    if (this.#filling !== undefined) return void this.#filling.then(() => this.narrow(), () => this.narrow());
    const large = this.#buffer;
    this.#compact(new Uint8Array(Math.max(FIRST_BYTES, roomFor(this.length))));
    this.#memory.release(large);
    this.#memory = undefined;
  }

  /**
   * Reads up to the end of a head, and consumes it.
   *
   * @param onBytes Called with each read's bytes, before they are looked at.
   * @returns The head with its last empty line, a character a byte; `undefined`: the stream ended before any of it.
   * @throws {HeadProblem} It is too long, or malformed.
   * @throws {Deno.errors.UnexpectedEof} The stream ended within it.
   */
  async readHead(onBytes?: () => void): Promise<string | undefined> {
    const scanner = new HeadScanner(HEAD_RULES);
    for (;;) {
      const end = this.length === 0 ? undefined : scanner.scan(this.bytes);
      if (end !== undefined) {
        const head = headText(this.bytes.subarray(scanner.skipped, end));
        this.consume(end);
        return head;
      }
      if (this.isFull && this.#start === HEADROOM_BYTES && this.#filling === undefined) {
        this.#compact(new Uint8Array(Math.min(roomFor(2 * this.length), roomFor(HEAD_RULES.bytesMost))));
      }
      if (!await this.fill()) {
        if (this.length === 0) return undefined;
        throw new Deno.errors.UnexpectedEof("The connection ended within a head");
      }
      onBytes?.();
    }
  }

  /** Moves what has come to the beginning of a buffer, which is used from then on. */
  #compact(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer === this.#buffer && (this.#start === HEADROOM_BYTES)) return;
    const { bytes, length } = this;
    buffer.set(bytes, HEADROOM_BYTES);
    this.#buffer = buffer;
    this.#start = HEADROOM_BYTES;
    this.#end = HEADROOM_BYTES + length;
  }
}

function roomFor(bytes: number): number {
  return HEADROOM_BYTES + bytes + TAILROOM_BYTES;
}
