import { createHash } from "node:crypto";
import { collectOldGarbage } from "../../net/old_garbage.ts";
import { type FoundFile, FoundFiles, keyOf } from "../../store/found_files.ts";
import type { FileSource } from "../../store/shared_files.ts";
import { Turns } from "../../store/turns.ts";
import { BlockDigests } from "./block_digests.ts";
import { BLOCK_BYTES, blockCount, type Piece } from "./blocks.ts";
import { digestOf, rootOf } from "./digests.ts";

/** How many files may be asked for until the garbage that they leave is collected: 11 MB. */
const COLLECTED_FILES = 16_384;
/** Files open at a time: beside 512 connections within the 1024 handles that a process has as a rule. */
const MAX_OPEN = 128;
/** Shortest block whose digest is remembered. */
const REMEMBERED_BYTES = 64 * 1024;
/** Memory for digests: of 500 GiB. */
const DIGESTS_BYTES = 16 * 1024 * 1024;
/** How old the last change of a file must be, in milliseconds, for another one to show: FAT counts 2 s. */
const TICK_MS = 3_000;
/**
 * The same for one that goes through a mapping of the file: it changes the file's time with the first write to
 * a page, and again only when the kernel has stored that page, after up to 35 s.
 */
const SETTLED_MS = 60_000;

/** The files that a server gives out: a bounded number of them open, and each block hashed as seldom as possible. */
export class ServedFiles implements Disposable {
  readonly #files: FoundFiles;
  readonly #digests = new BlockDigests(DIGESTS_BYTES);
  readonly #nowMs: () => number;
  /** Since garbage was collected. */
  #asked = 0;

  /** @param nowMs The clock of the files' times, in milliseconds since 1970. */
  constructor(source: FileSource, { nowMs = Date.now }: { readonly nowMs?: () => number } = {}) {
    this.#files = new FoundFiles(source, { maxOpen: MAX_OPEN });
    this.#nowMs = nowMs;
  }

  /** As {@linkcode FoundFiles.find}. */
  find(path: string): FoundFile | undefined {
    this.#asked++;
    return this.#files.find(path);
  }

  /**
   * As {@linkcode FoundFiles.readAtOnce}, of a file whose digest is not remembered.
   *
   * @param buffer As much of it is used as such a file may have.
   */
  readAtOnce(path: string, buffer: Uint8Array): FoundFile | undefined {
    const file = this.#files.readAtOnce(path, buffer.subarray(0, REMEMBERED_BYTES - 1));
    if (file !== undefined) this.#asked++;
    return file;
  }

  /** As {@linkcode FoundFiles.read}. */
  async read(file: FoundFile, offset: number, buffer: Uint8Array): Promise<void> {
    await this.#files.read(file, offset, buffer);
  }

  /** The digest of a piece whose bytes were just read, which is not computed if it is known. */
  digest(file: FoundFile, piece: Piece, bytes: Uint8Array): Uint8Array {
    const known = this.#known(file, piece, { sure: true });
    if (known !== undefined) return known;
    const digest = digestOf(bytes);
    this.#note(file, piece, digest);
    return digest;
  }

  /**
   * The digest of a piece that is not in memory: computed, if need be, by way of a buffer of any size.
   *
   * @param options `sure`: it has to be that of the bytes that are in the file now.
   * @throws {FileChangedError}
   * @throws {UnreadableError}
   */
  async digestByParts(
    file: FoundFile,
    piece: Piece,
    { buffer, sure }: { readonly buffer: Uint8Array; readonly sure: boolean },
  ): Promise<Uint8Array> {
    const known = this.#known(file, piece, { sure });
    if (known !== undefined) return known;
    const hash = createHash("sha256");
    for (let done = 0; done < piece.length;) {
      const bytes = buffer.subarray(0, Math.min(buffer.length, piece.length - done));
      await this.read(file, piece.offset + done, bytes);
      hash.update(bytes);
      done += bytes.length;
    }
    const digest = hash.digest();
    this.#note(file, piece, digest);
    return digest;
  }

  /**
   * The root of a file, as {@linkcode rootOf}. Blocks that were given out are not read again for it.
   *
   * @param check Called before each block; what it throws ends it.
   * @throws {FileChangedError}
   * @throws {UnreadableError}
   */
  async root(file: FoundFile, buffer: Uint8Array, check = () => {}): Promise<string> {
    const { size } = file.version;
    const digests: Uint8Array[] = [];
    const turns = new Turns();
    for (let block = 0; block < blockCount(size); block++) {
      check();
      const offset = block * BLOCK_BYTES;
      const piece = { offset, length: Math.min(BLOCK_BYTES, size - offset) };
      digests.push((await this.digestByParts(file, piece, { buffer, sure: false })).slice());
      await turns.next();
    }
    // Of digests that were known nothing was read: it may be another file by now.
    await this.read(file, 0, new Uint8Array(0));
    return rootOf(digests);
  }

  /** Lets go of what nobody uses at present: open files, and memory. To be called now and then. */
  tidy(): void {
    this.#files.closeUnused();
    if (this.#asked < COLLECTED_FILES) return;
    this.#asked = 0;
    void collectOldGarbage();
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
  }

  #known(
    { info, version }: FoundFile,
    piece: Piece,
    options: { readonly sure: boolean },
  ): Uint8Array | undefined {
    const block = rememberedBlock(piece, version.size);
    return block === undefined ? undefined : this.#digests.get(keyOf(info), block, options);
  }

  #note(file: FoundFile, piece: Piece, digest: Uint8Array): void {
    const { size } = file.version;
    const block = rememberedBlock(piece, size);
    if (block === undefined) return;
    const info = this.#files.infoNow(file);
    const key = keyOf(info);
    // Else it is not known which of two states it is of.
    if (key !== keyOf(file.info)) return;
    // The time that nobody can set.
    const ageMs = this.#nowMs() - ((info.ctime ?? info.mtime)?.getTime() ?? Infinity);
    if (ageMs > TICK_MS) this.#digests.set(key, block, { digest, size, sure: ageMs > SETTLED_MS });
  }
}

/** The number of a piece that is a whole block, if it takes longer to hash than to remember. */
function rememberedBlock({ offset, length }: Piece, size: number): number | undefined {
  const isWhole = offset % BLOCK_BYTES === 0 && length === Math.min(BLOCK_BYTES, size - offset);
  return isWhole && length >= REMEMBERED_BYTES ? offset / BLOCK_BYTES : undefined;
}
