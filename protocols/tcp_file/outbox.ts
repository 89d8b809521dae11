import type { RateShare } from "../../net/rate_share.ts";
import type { ByteStream } from "../../net/dial.ts";
import { Turns } from "../../store/turns.ts";
import type { SendMemory } from "./send_memory.ts";

/** What is gathered before it is sent: enough that system calls cost little. */
const GATHER_BYTES = 256 * 1024;
/** What must leave for a slow client to count as one that reads. */
const PROGRESS_BYTES = 16 * 1024;

const NOTHING = new Uint8Array(0);

/** Options of {@linkcode Outbox}. */
export interface OutboxOptions {
  readonly memory: SendMemory;
  readonly rate?: RateShare | undefined;
  /** The time in milliseconds, from any start. Default: `performance.now`. */
  readonly nowMs?: (() => number) | undefined;
}

/**
 * What one connection sends. Short answers are gathered into one write; what is read from files is read to
 * where it is sent from. Memory is held only between {@linkcode room} and {@linkcode release}.
 */
export class Outbox {
  readonly #stream: Pick<ByteStream, "write">;
  readonly #options: OutboxOptions;
  readonly #nowMs: () => number;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;
  /** Writes to a client that reads fast never wait. */
  readonly #turns = new Turns();
  #sentBytes = 0;
  /** Time spent on writing since the client last made progress, and since when the write under way waits. */
  #blockedMs = 0;
  #writingSinceMs: number | undefined;

  constructor(stream: Pick<ByteStream, "write">, options: OutboxOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Bytes that the system has taken. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** For how long the client has read next to nothing of what waits for it, in milliseconds. */
  blockedMs(nowMs: number): number {
    return this.#blockedMs + (this.#writingSinceMs === undefined ? 0 : nowMs - this.#writingSinceMs);
  }

  /**
   * Room for bytes. What is in the way of the least that is needed is sent first. To be followed by
   * {@linkcode filled}, before anything else is called.
   *
   * @param bytes What is wished for.
   * @param least What is of use. Default: all of it.
   * @returns As much as there is, at most `bytes`, at least `least` or 64 KiB, whichever is less.
   */
  async room(bytes: number, least = bytes): Promise<Uint8Array<ArrayBuffer>> {
    const hasRoom = this.#buffer !== undefined && this.#buffer.length - this.#filled >= least;
    if (!hasRoom || this.#filled >= GATHER_BYTES) {
      await this.flush();
      if (this.#buffer !== undefined && this.#buffer.length < bytes) this.release();
    }
    this.#buffer ??= this.#options.memory.take(bytes);
    return this.#buffer.subarray(this.#filled, Math.min(this.#buffer.length, this.#filled + bytes));
  }

  /**
   * Room that is there already, behind what is gathered; none once that is worth a write. It is used like that of
   * {@linkcode Outbox.room}, or not at all.
   */
  get spare(): Uint8Array<ArrayBuffer> {
    return this.#filled < GATHER_BYTES ? this.#buffer?.subarray(this.#filled) ?? NOTHING : NOTHING;
  }

  /** So many bytes of the room are to be sent. */
  filled(bytes: number): void {
    this.#filled += bytes;
  }

  /** Sends bytes, behind what is gathered. They may be changed afterwards. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const room = await this.room(bytes.length - done);
      room.set(bytes.subarray(done, done + room.length));
      this.filled(room.length);
      done += room.length;
    }
  }

  /** Sends what is gathered. @throws {Error} The client is gone. */
  async flush(): Promise<void> {
    const bytes = this.#buffer?.subarray(0, this.#filled);
    this.#filled = 0;
    if (bytes !== undefined) await this.#write(bytes);
  }

  /** Gives back the memory, and forgets what is in it. */
  release(): void {
    if (this.#buffer !== undefined) this.#options.memory.give(this.#buffer);
    this.#buffer = undefined;
    this.#filled = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { rate } = this.#options;
    let countsFrom = this.#sentBytes;
    for (let done = 0; done < bytes.length;) {
      const wanted = bytes.length - done;
      const portion = bytes.subarray(done, done + (rate === undefined ? wanted : await rate.take(wanted)));
      const count = await this.#writeSome(portion);
      rate?.giveBack(portion.length - count);
      done += count;
      this.#sentBytes += count;
      if (done < bytes.length && this.#sentBytes - countsFrom < PROGRESS_BYTES) continue;
      countsFrom = this.#sentBytes;
      this.#blockedMs = 0;
    }
    await this.#turns.next();
  }

  async #writeSome(bytes: Uint8Array): Promise<number> {
    const startedMs = this.#nowMs();
    this.#writingSinceMs = startedMs;
    const count = await this.#stream.write(bytes);
    this.#writingSinceMs = undefined;
    this.#blockedMs += this.#nowMs() - startedMs;
    return count;
  }
}
