import { createHash } from "node:crypto";

/** Bytes read at a time where nothing is sent. */
const READ_BYTES = 1024 * 1024;

/**
 * A local file as the source of an upload. Computes the SHA-256 of what is read while it is read; what
 * an earlier run has sent is read once more for it.
 */
export class SourceFile implements Disposable {
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly #file: Deno.FsFile;
  readonly #mtimeMs: number | undefined;
  readonly #hash = createHash("sha256");
  #hashed = 0;

  private constructor(file: Deno.FsFile, found: Deno.FileInfo) {
    this.#file = file;
    this.size = found.size;
    this.#mtimeMs = found.mtime?.getTime();
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
    if (offset <= this.#hashed) this.#hash.update(bytes.subarray(this.#hashed - offset));
    this.#hashed = Math.max(this.#hashed, offset + length);
    const found = await this.#file.stat();
    if (found.size !== this.size || found.mtime?.getTime() !== this.#mtimeMs) throw changed();
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

  async #readAt(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    await this.#file.seek(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = await this.#file.read(bytes.subarray(filled));
      if (count === null) throw changed();
      filled += count;
    }
    return bytes;
  }
}

function changed(): RangeError {
  return new RangeError("The file was changed while it was being uploaded");
}
