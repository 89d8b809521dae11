import { createHash } from "node:crypto";

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
   * Reads the bytes [offset, offset + length); fewer only at an end that was not known before. They are
   * good until the next read: memory that is used again costs half of what fresh memory does.
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
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
  /** The one that was read to last, and the one that is next. */
  #buffers: readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] = [
    new Uint8Array(0),
    new Uint8Array(0),
  ];
  /** What most likely follows: read while what comes before it is hashed and sent. */
  #ahead: (Range & { readonly bytes: Promise<Uint8Array<ArrayBuffer>> }) | undefined;
  #nextCheck = 0;

  private constructor(file: Deno.FsFile, found: Deno.FileInfo) {
    this.#file = file;
    this.size = found.size;
    this.mtimeMs = found.mtime?.getTime();
  }

  /** @throws {TypeError} It is a directory, a pipe or a device. */
  static async open(path: string): Promise<SourceFile> {
    // Before it is opened: opening a pipe waits for whoever writes to it.
    const found = await Deno.stat(path);
    if (!found.isFile) {
      throw new TypeError(
        found.isDirectory ? "It is a directory: name the files in it" : "It is no regular file",
      );
    }
    const file = await Deno.open(path);
    return new SourceFile(file, await file.stat());
  }

  /**
   * Reads the bytes [offset, offset + length).
   *
   * @throws {RangeError} The file has changed since it was opened: what was sent and what would follow
   * are of two different files.
   */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    await this.#hashUpTo(offset);
    const bytes = await this.#readAt(offset, length);
    this.#readAhead({ offset: offset + length, length: Math.min(length, this.size - offset - length) });
    if (offset <= this.#hashed) this.#hash.update(bytes.subarray(this.#hashed - offset));
    this.#hashed = Math.max(this.#hashed, offset + length);
    const end = offset + length;
    if (end >= this.#nextCheck || end === this.size) {
      this.#nextCheck = end + CHECK_BYTES;
      const found = await this.#file.stat();
      if (found.size !== this.size || found.mtime?.getTime() !== this.mtimeMs) throw changed();
    }
    return bytes;
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
    for (let at = 0; at < length; at += READ_BYTES) {
      hash.update(await this.#readAt(at, Math.min(READ_BYTES, length - at)));
    }
    return hash.digest("hex");
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  async #hashUpTo(offset: number): Promise<void> {
    while (this.#hashed < offset) {
      const bytes = await this.#readAt(this.#hashed, Math.min(READ_BYTES, offset - this.#hashed));
      this.#hash.update(bytes);
      this.#hashed += bytes.length;
    }
  }

  #readAhead(range: Range): void {
    if (range.length === 0) return;
    const bytes = this.#load(range);
    this.#ahead = { ...range, bytes };
    // Who asks for it learns of a failure; who does not, does not need to.
    bytes.catch(() => {});
  }

  async #readAt(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead?.offset === offset && ahead.length === length) return await ahead.bytes;
    await ahead?.bytes.catch(() => {});
    return await this.#load({ offset, length });
  }

  async #load({ offset, length }: Range): Promise<Uint8Array<ArrayBuffer>> {
    if (offset !== this.#position) {
      this.#position = await this.#file.seek(offset, Deno.SeekMode.Start);
    }
    const [last, next] = this.#buffers;
    const buffer = next.length < length ? new Uint8Array(length) : next;
    this.#buffers = [buffer, last];
    const bytes = buffer.subarray(0, length);
    let filled = 0;
    while (filled < length) {
      const count = await this.#file.read(bytes.subarray(filled));
      if (count === null) throw changed();
      filled += count;
      this.#position += count;
    }
    return bytes;
  }
}

/** Bytes of the file: [offset, offset + length). */
interface Range {
  readonly offset: number;
  readonly length: number;
}

function changed(): RangeError {
  return new RangeError("The file was changed while it was being uploaded");
}
