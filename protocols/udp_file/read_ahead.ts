import { createHash, type Hash } from "node:crypto";
import type { ByteRange } from "../../store/byte_ranges.ts";
import { type FoundFile, type FoundFiles, keyOf } from "../../store/found_files.ts";
import type { OneByOne } from "../../store/one_by_one.ts";
import { Turns } from "../../store/turns.ts";

/** Bytes that are read at a time. */
const PIECE_BYTES = 128 * 1024;
/** Pieces that are read before they are asked for, of each reader, as long as there is memory. */
const AHEAD = 4;
/** Pieces that each reader gets for a start: on a short way little of what was sent is asked for again. */
const FIRST_PIECES = 16;

/** Memory for a piece of some file. */
interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whose; `undefined`: nobody's. */
  file: CachedFile | undefined;
  index: number;
  isLoading: boolean;
  /** When it was used last, counted in uses. */
  usedAt: number;
}

/** A file that somebody reads. */
interface CachedFile {
  readonly found: FoundFile;
  readonly key: string;
  readonly pieces: Map<number, Piece>;
  readonly readers: Set<FileReader>;
  readonly digest: GrowingDigest;
  /** The last piece that was read. */
  lastIndex: number;
}

/** Who reads a file. */
export interface ReaderOptions {
  /** What is read for digests waits for its turn here, so that nobody who asks for many takes all the time. */
  readonly hashing: OneByOne;
  /** What was not there may be there now. */
  readonly onReady: () => void;
  /** The file is not any more what was found, or can't be read: nothing more comes of it. */
  readonly onFailure: (problem: unknown) => void;
}

/**
 * Bytes of files in memory before they are asked for, of all readers together at most so many. Those that read one
 * file share what is in memory of it, and its digest. Memory is only taken when pieces that were let go are asked for
 * again, as they are on a long way that loses much.
 */
export class ReadAhead {
  readonly #files: FoundFiles;
  readonly #pieces: Piece[] = [];
  readonly #maxPieces: number;
  readonly #open = new Map<string, CachedFile>();
  /** Those that there was no memory for, the one that waits for longest first. */
  readonly #starved = new Set<CachedFile>();
  #loading = 0;
  #readers = 0;
  /** Pieces beyond the first ones, as those that were let go had to be read again. */
  #repeated = 0;
  #uses = 0;

  /** @param options `memoryBytes`: at least 1 MiB. */
  constructor(files: FoundFiles, { memoryBytes }: { readonly memoryBytes: number }) {
    this.#files = files;
    this.#maxPieces = Math.floor(memoryBytes / PIECE_BYTES);
  }

  /** Begins to read a file. The reader has to be disposed of. */
  open(found: FoundFile, options: ReaderOptions): FileReader {
    const key = `${found.path}\0${keyOf(found.info)}`;
    let file = this.#open.get(key);
    if (file === undefined) {
      const digest = new GrowingDigest({ from: 0, to: found.version.size });
      file = { found, key, pieces: new Map(), readers: new Set(), digest, lastIndex: -1 };
      this.#open.set(key, file);
    }
    this.#readers++;
    const reader = new FileReader(this, file, options);
    file.readers.add(reader);
    return reader;
  }

  /** Forgets a reader; with the last of its file what is in memory of it is nobody's. */
  close(reader: FileReader, file: CachedFile): void {
    if (!file.readers.delete(reader)) return;
    this.#readers--;
    if (file.readers.size > 0) return;
    this.#open.delete(file.key);
    this.#starved.delete(file);
    for (const piece of file.pieces.values()) piece.file = undefined;
    file.pieces.clear();
  }

  /** The piece of a file if it is in memory; else it begins to be read. */
  piece(file: CachedFile, index: number): Piece | undefined {
    const piece = file.pieces.get(index);
    if (piece === undefined) this.#load(file, index);
    else if (!piece.isLoading) piece.usedAt = ++this.#uses;
    // Only while each reader has so much: what is read too early has to be read again.
    const isRoomy = this.#readers * (AHEAD + 2) <= this.#maxPieces;
    for (let ahead = 1; isRoomy && ahead <= AHEAD; ahead++) {
      const isThere = (index + ahead) * PIECE_BYTES < file.found.version.size;
      if (isThere && !file.pieces.has(index + ahead)) this.#load(file, index + ahead);
    }
    const loaded = file.pieces.get(index);
    return loaded === undefined || loaded.isLoading ? undefined : loaded;
  }

  /**
   * The digest of a range of a file, in hexadecimal. What of it was not hashed as it was read for sending is read
   * for it.
   *
   * @param reader Who wants it. It is given up with the reader.
   * @throws {FileChangedError}
   * @throws {UnreadableError}
   */
  async digest(file: CachedFile, range: ByteRange, reader: FileReader): Promise<string> {
    const { size } = file.found.version;
    const isWhole = range.from === 0 && range.to === size;
    const digest = isWhole ? file.digest : new GrowingDigest(range);
    if (digest.next < range.to) await reader.hashing.run(() => this.#hash(file, digest, reader));
    // Of an empty one nothing was read: it may be another file by now.
    await this.#files.read(file.found, 0, new Uint8Array(0));
    return digest.hex();
  }

  /** Reads what is not in a digest yet. */
  async #hash(file: CachedFile, digest: GrowingDigest, reader: FileReader): Promise<void> {
    const buffer = new Uint8Array(Math.min(PIECE_BYTES, digest.to - digest.next));
    const turns = new Turns();
    while (digest.next < digest.to) {
      if (!file.readers.has(reader)) throw new Error("Nobody wants this digest any more");
      const from = digest.next;
      const bytes = buffer.subarray(0, Math.min(buffer.length, digest.to - from));
      await this.#files.read(file.found, from, bytes);
      digest.feed(from, bytes);
      await turns.next();
    }
  }

  #load(file: CachedFile, index: number): void {
    if (index <= file.lastIndex) this.#repeated = Math.min(this.#maxPieces, this.#repeated + 1);
    const piece = this.#take();
    if (piece === undefined) return void this.#starved.add(file);
    piece.file = file;
    piece.index = index;
    piece.isLoading = true;
    file.lastIndex = Math.max(file.lastIndex, index);
    this.#loading++;
    file.pieces.set(index, piece);
    const from = index * PIECE_BYTES;
    const bytes = piece.bytes.subarray(0, Math.min(PIECE_BYTES, file.found.version.size - from));
    this.#files.read(file.found, from, bytes).then(
      () => this.#loaded(file, piece, bytes),
      (problem: unknown) => this.#failed(file, piece, problem),
    );
  }

  #loaded(file: CachedFile, piece: Piece, bytes: Uint8Array): void {
    piece.isLoading = false;
    piece.usedAt = ++this.#uses;
    this.#loading--;
    if (piece.file === file) {
      file.digest.feed(piece.index * PIECE_BYTES, bytes);
      for (const reader of file.readers) reader.ready();
    }
    this.#feedStarved();
  }

  #failed(file: CachedFile, piece: Piece, problem: unknown): void {
    piece.isLoading = false;
    piece.file = undefined;
    this.#loading--;
    file.pieces.delete(piece.index);
    for (const reader of [...file.readers]) reader.fail(problem);
    this.#feedStarved();
  }

  /** There is memory again for some that found none: nothing else would tell them. */
  #feedStarved(): void {
    for (const file of this.#starved) {
      if (this.#loading === this.#maxPieces) return;
      this.#starved.delete(file);
      for (const reader of file.readers) reader.ready();
    }
  }

  /** Memory for a piece: the one that was used longest ago, once there are as many as may be. */
  #take(): Piece | undefined {
    let oldest: Piece | undefined;
    for (const piece of this.#pieces) {
      if (piece.isLoading) continue;
      if (piece.file === undefined) return piece;
      if (oldest === undefined || piece.usedAt < oldest.usedAt) oldest = piece;
    }
    const mostPieces = Math.min(this.#maxPieces, this.#readers * FIRST_PIECES + this.#repeated);
    if (this.#pieces.length < mostPieces) return this.#newPiece();
    oldest?.file?.pieces.delete(oldest.index);
    return oldest;
  }

  #newPiece(): Piece {
    const bytes = new Uint8Array(PIECE_BYTES);
    const piece: Piece = { bytes, file: undefined, index: 0, isLoading: false, usedAt: 0 };
    this.#pieces.push(piece);
    return piece;
  }
}

/** One who reads a file. */
export class FileReader implements Disposable {
  readonly #cache: ReadAhead;
  readonly #file: CachedFile;
  readonly #options: ReaderOptions;
  #last: Piece | undefined;
  /** Whether it found nothing when it asked last. */
  #isWaiting = false;

  constructor(cache: ReadAhead, file: CachedFile, options: ReaderOptions) {
    this.#cache = cache;
    this.#file = file;
    this.#options = options;
  }

  get hashing(): OneByOne {
    return this.#options.hashing;
  }

  /** Fills in bytes from an offset on. @returns How many; 0: they are not in memory yet. */
  fill(offset: number, target: Uint8Array): number {
    const index = Math.floor(offset / PIECE_BYTES);
    let piece = this.#last;
    // Its memory may have become another piece's.
    if (piece === undefined || piece.file !== this.#file || piece.index !== index) {
      piece = this.#last = this.#cache.piece(this.#file, index);
    }
    this.#isWaiting = piece === undefined;
    if (piece === undefined) return 0;
    const from = offset - index * PIECE_BYTES;
    const length = Math.min(target.length, PIECE_BYTES - from);
    target.set(piece.bytes.subarray(from, from + length));
    return length;
  }

  /** As {@linkcode ReadAhead.digest}. */
  async digest(range: ByteRange): Promise<string> {
    return await this.#cache.digest(this.#file, range, this);
  }

  /** Something of the file was read. */
  ready(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#options.onReady();
  }

  /** The file can't be read. */
  fail(problem: unknown): void {
    this.#options.onFailure(problem);
  }

  [Symbol.dispose](): void {
    this.#cache.close(this, this.#file);
  }
}

/** The SHA-256 of a range, computed in the order of its bytes as they come by. */
class GrowingDigest {
  /** Where it ends. */
  readonly to: number;
  readonly #hash: Hash = createHash("sha256");
  #next: number;
  #hex: string | undefined;

  constructor({ from, to }: ByteRange) {
    this.#next = from;
    this.to = to;
  }

  /** The first byte that is not in it. */
  get next(): number {
    return this.#next;
  }

  /** Takes what of these bytes comes next. */
  feed(from: number, bytes: Uint8Array): void {
    const end = Math.min(from + bytes.length, this.to);
    if (this.#next < from || this.#next >= end) return;
    this.#hash.update(bytes.subarray(this.#next - from, end - from));
    this.#next = end;
  }

  /** All of it is in. */
  hex(): string {
    return this.#hex ??= this.#hash.digest("hex");
  }
}
