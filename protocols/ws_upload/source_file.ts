import { createHash } from "node:crypto";
import { Pace } from "../../store/pace.ts";

/** Bytes read at a time where nothing is sent. */
const READ_BYTES = 1024 * 1024;
/** How far it is read before it is looked at again whether somebody has changed it. */
const CHECK_BYTES = 16 * 1024 * 1024;

/** What an upload is read from. One call at a time: the next one begins when the last one has settled. */
export interface UploadSource extends Disposable {
  /** Bytes; `undefined` as long as only the end will tell. */
  readonly size: number | undefined;
  /** When it was last changed, in milliseconds since 1970, if that is known. */
  readonly mtimeMs?: number | undefined;
  /**
   * Reads from `offset` on until `room` is full, or to an end that was not known before.
   *
   * @returns The part of `room` that has been filled.
   */
  read(offset: number, room: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** The digest of it all in hexadecimal. */
  sha256(): Promise<string>;
  /** SHA-256 of the first `length` bytes in hexadecimal. */
  digest(length: number): Promise<string>;
  /** Ends a read that may wait forever. Nothing is read from then on. */
  stop?(): void;
}

/**
 * A local file as the source of an upload. Computes the SHA-256 of what is read while it is read; what
 * an earlier run has sent is read once more for it.
 */
export class SourceFile implements UploadSource {
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly mtimeMs: number | undefined;
  readonly #file: Deno.FsFile;
  readonly #hash = createHash("sha256");
  #hashed = 0;
  /** Where the file's handle stands, so that reading on needs no seek. */
  #position = 0;
  readonly #pace: Pace;
  /** What most likely follows: on a slow disk, read while what comes before it is hashed and sent. */
  #ahead: { readonly offset: number; readonly bytes: Promise<Uint8Array<ArrayBuffer>> } | undefined;
  /** What is read ahead lies in it: memory that is used again costs half of what fresh memory does. */
  #aheadBuffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #nextCheck = 0;

  private constructor(file: Deno.FsFile, found: Deno.FileInfo, pace: Pace) {
    this.#file = file;
    this.#pace = pace;
    this.size = found.size;
    this.mtimeMs = found.mtime?.getTime();
  }

  /**
   * @param pace Decides when it is read at once.
   * @throws {TypeError} It is a directory, a pipe or a device.
   */
  static async open(path: string, pace = new Pace()): Promise<SourceFile> {
    // Before it is opened: opening a pipe waits for whoever writes to it.
    const found = await Deno.stat(path);
    if (!found.isFile) {
      throw new TypeError(
        found.isDirectory ? "It is a directory: name the files in it" : "It is no regular file",
      );
    }
    const file = await Deno.open(path);
    return new SourceFile(file, await file.stat(), pace);
  }

  /**
   * Reads from `offset` on until `room` is full: at once as long as memory has it, so that it is hashed and sent
   * while it is in the processor's caches, else in another thread, and what follows ahead.
   *
   * @throws {RangeError} The file has changed since it was opened: what was sent and what would follow
   * are of two different files.
   */
  async read(offset: number, room: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    await this.#hashUpTo(offset);
    const end = offset + room.length;
    if (!await this.#takeAhead(offset, room)) {
      this.#moveTo(offset);
      await this.#pace.run(() => this.#fillAtOnce(room), () => this.#fill(room));
    }
    if (!this.#pace.isQuick) this.#readAhead(end, Math.min(room.length, this.size - end));
    if (offset <= this.#hashed) this.#hash.update(room.subarray(this.#hashed - offset));
    this.#hashed = Math.max(this.#hashed, end);
    if (end >= this.#nextCheck || end === this.size) {
      this.#nextCheck = end + CHECK_BYTES;
      const found = await this.#pace.run(() => this.#file.statSync(), () => this.#file.stat());
      if (found.size !== this.size || found.mtime?.getTime() !== this.mtimeMs) throw changed();
    }
    return room;
  }

  /** The digest of the whole file in hexadecimal. */
  sha256(): Promise<string> {
    return this.digest(this.size);
  }

  /** SHA-256 of the first `length` bytes in hexadecimal. What was hashed while it was read is not read again. */
  async digest(length: number): Promise<string> {
    if (length >= this.#hashed) {
      await this.#hashUpTo(length);
      return this.#hash.copy().digest("hex");
    }
    const hash = createHash("sha256");
    for await (const bytes of this.#pieces(0, length)) hash.update(bytes);
    return hash.digest("hex");
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  async #hashUpTo(offset: number): Promise<void> {
    for await (const bytes of this.#pieces(this.#hashed, offset)) {
      this.#hash.update(bytes);
      this.#hashed += bytes.length;
    }
  }

  /** The bytes [from, to), where nothing is sent: in another thread, so that all else goes on. */
  async *#pieces(from: number, to: number): AsyncIterable<Uint8Array> {
    if (from >= to) return;
    await this.#dropAhead();
    const buffer = new Uint8Array(Math.min(READ_BYTES, to - from));
    this.#moveTo(from);
    for (let at = from; at < to; at += buffer.length) {
      const bytes = buffer.subarray(0, to - at);
      await this.#fill(bytes);
      yield bytes;
    }
  }

  #readAhead(offset: number, length: number): void {
    if (length === 0) return;
    if (this.#aheadBuffer.length < length) this.#aheadBuffer = new Uint8Array(length);
    this.#moveTo(offset);
    const bytes = this.#fill(this.#aheadBuffer.subarray(0, length));
    this.#ahead = { offset, bytes };
    // Who asks for it learns of a failure; who does not, does not need to.
    bytes.catch(() => {});
  }

  /** Takes what was read ahead, if it is that. @returns Whether it was. */
  async #takeAhead(offset: number, room: Uint8Array): Promise<boolean> {
    const ahead = this.#ahead;
    if (ahead?.offset !== offset) {
      await this.#dropAhead();
      return false;
    }
    this.#ahead = undefined;
    const bytes = await ahead.bytes;
    if (bytes.length !== room.length) return false;
    room.set(bytes);
    return true;
  }

  /** One handle has one position: nothing else is read as long as something is read ahead. */
  async #dropAhead(): Promise<void> {
    await this.#ahead?.bytes.catch(() => {});
    this.#ahead = undefined;
  }

  /** Never waits for the disk. */
  #moveTo(offset: number): void {
    if (offset !== this.#position) this.#position = this.#file.seekSync(offset, Deno.SeekMode.Start);
  }

  #fillAtOnce(room: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    for (let filled = 0; filled < room.length;) {
      filled += this.#passed(this.#file.readSync(room.subarray(filled)));
    }
    return room;
  }

  async #fill(room: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    for (let filled = 0; filled < room.length;) {
      filled += this.#passed(await this.#file.read(room.subarray(filled)));
    }
    return room;
  }

  /** So many bytes were read; `null`: there are no more, where there were some before. */
  #passed(count: number | null): number {
    if (count === null) throw changed();
    this.#position += count;
    return count;
  }
}

function changed(): RangeError {
  return new RangeError("The file was changed while it was being uploaded");
}
