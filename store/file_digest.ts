import { createHash } from "node:crypto";

/** Bytes read at a time: they are hashed while they are in the cache of the core. */
const READ_BYTES = 1024 * 1024;

/** The SHA-256 of a file, from its beginning. Holds up its thread while it reads and hashes. */
export class FileDigest implements Disposable {
  readonly #path: string;
  readonly #hash = createHash("sha256");
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #file: Deno.FsFile | undefined;
  #at = 0;

  /** @param options `mostBytes`: how long the file is at most, if that is known. */
  constructor(path: string, { mostBytes = READ_BYTES } = {}) {
    this.#path = path;
    this.#buffer = new Uint8Array(Math.min(READ_BYTES, mostBytes));
  }

  /** Hashes on up to `to`. @throws {Error} The file can't be read that far. */
  advance(to: number): void {
    this.#file ??= Deno.openSync(this.#path);
    while (this.#at < to) {
      const count = this.#file.readSync(this.#buffer.subarray(0, Math.min(READ_BYTES, to - this.#at)));
      if (count === null) {
        throw new RangeError(`${this.#path} ends at ${this.#at}, expected were ${to} bytes`);
      }
      this.#hash.update(this.#buffer.subarray(0, count));
      this.#at += count;
    }
  }

  /** The digest of what was hashed, in hexadecimal. To be called once. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
