import { isSameFile } from "./offered_path.ts";

/** Where files come from; a {@linkcode Catalogue} is one. */
export interface FileSource {
  /** @returns `undefined`: there is no such file. @throws {Error} It can't be opened. */
  openFile(path: string): { readonly file: Deno.FsFile; readonly info: Deno.FileInfo } | undefined;
  /**
   * Reads a file at one go, as it is now.
   *
   * @returns What it is, all of it being at the beginning of the buffer; `undefined`: it has to be opened, if it is
   * there.
   */
  readFile(path: string, buffer: Uint8Array): Deno.FileInfo | undefined;
  /** What stands at a path now; `undefined`: no file. */
  statFile(path: string): Deno.FileInfo | undefined;
}

/** A read that took longer, in milliseconds, did not come from memory: the next ones are left to a thread. */
const QUICK_MS = 4;
const READS_AFTER_SLOW = 64;

/** A file that is open for several readers. */
export class SharedFile {
  readonly #file: Deno.FsFile;
  readonly #pace: { asyncReads: number };
  /** Settles when the position is nobody's. */
  #reading: Promise<unknown> | undefined;
  /** Closed when nobody uses it any more. */
  #users = 0;
  #state: "open" | "closing" | "closed" = "open";
  usedAtMs = 0;

  constructor(file: Deno.FsFile, pace: { asyncReads: number }) {
    this.#file = file;
    this.#pace = pace;
  }

  /** As the file is now. */
  stat(): Deno.FileInfo {
    return this.#file.statSync();
  }

  /** Keeps it open until a task is done, whoever closes it meanwhile. */
  async use<T>(task: () => T | Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await task();
    } finally {
      this.#users--;
      this.#closeUnused();
    }
  }

  /**
   * Reads from an offset until the buffer is full or the file ends. Calls may overlap.
   *
   * @returns How many bytes there were.
   */
  async read(buffer: Uint8Array, offset: number): Promise<number> {
    return await this.use(() => this.#read(buffer, offset));
  }

  /** Closes it, after what it is used for. */
  close(): void {
    if (this.#state === "open") this.#state = "closing";
    this.#closeUnused();
  }

  async #read(buffer: Uint8Array, offset: number): Promise<number> {
    while (this.#reading !== undefined) await this.#reading;
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    if (this.#pace.asyncReads > 0) {
      this.#pace.asyncReads--;
      return await this.#readBeside(buffer);
    }
    const startedMs = performance.now();
    let filled = 0;
    while (filled < buffer.length) {
      const count = this.#file.readSync(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    if (performance.now() - startedMs > QUICK_MS) this.#pace.asyncReads = READS_AFTER_SLOW;
    return filled;
  }

  #closeUnused(): void {
    if (this.#state !== "closing" || this.#users > 0) return;
    this.#state = "closed";
    this.#file.close();
  }

  async #readBeside(buffer: Uint8Array): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = promise;
    try {
      let filled = 0;
      while (filled < buffer.length) {
        const count = await this.#file.read(buffer.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return filled;
    } finally {
      this.#reading = undefined;
      resolve();
    }
  }
}

/**
 * Files that are open, a bounded number of them besides those that are being read at the moment: whoever reads
 * many at a time opens some of them again. Those that nobody reads are to be closed soon ({@linkcode SharedFiles.closeUnused}), as a file that was deleted
 * takes room on its disk as long as it is open.
 */
export class SharedFiles implements Disposable {
  readonly #source: FileSource;
  readonly #maxOpen: number;
  /** By path; those used last are last. */
  readonly #open = new Map<string, SharedFile>();
  readonly #pace = { asyncReads: 0 };

  constructor(source: FileSource, { maxOpen }: { readonly maxOpen: number }) {
    this.#source = source;
    this.#maxOpen = maxOpen;
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /**
   * The file that stands at a path now.
   *
   * @returns `undefined`: there is none.
   * @throws {Error} It can't be opened.
   */
  find(path: string, nowMs: number): SharedFile | undefined {
    const known = this.#open.get(path);
    if (known !== undefined) {
      const now = this.#source.statFile(path);
      if (now === undefined || !isSameFile(known.stat(), now)) this.#close(path, known);
    }
    return this.again(path, nowMs);
  }

  /** As {@linkcode find}, but whoever reads a file that was replaced meanwhile may get the one from before. */
  again(path: string, nowMs: number): SharedFile | undefined {
    const file = this.#open.get(path) ?? this.#openNew(path);
    if (file === undefined) return undefined;
    file.usedAtMs = nowMs;
    this.#open.delete(path);
    this.#open.set(path, file);
    return file;
  }

  /** As {@linkcode FileSource.readFile}; `undefined` also while reads are better left to a thread. */
  readAtOnce(path: string, buffer: Uint8Array): Deno.FileInfo | undefined {
    if (this.#pace.asyncReads > 0) return undefined;
    const startedMs = performance.now();
    const info = this.#source.readFile(path, buffer);
    if (performance.now() - startedMs > QUICK_MS) this.#pace.asyncReads = READS_AFTER_SLOW;
    return info;
  }

  /** Closes what was not used since a time. */
  closeUnused(sinceMs: number): void {
    for (const [path, file] of this.#open) {
      if (file.usedAtMs < sinceMs) this.#close(path, file);
    }
  }

  [Symbol.dispose](): void {
    this.closeUnused(Infinity);
  }

  #openNew(path: string): SharedFile | undefined {
    // First, so that there never are more, also when the system allows for no more.
    const [oldest] = this.#open.size < this.#maxOpen ? [] : this.#open;
    if (oldest !== undefined) this.#close(...oldest);
    const opened = this.#source.openFile(path);
    return opened && new SharedFile(opened.file, this.#pace);
  }

  #close(path: string, file: SharedFile): void {
    this.#open.delete(path);
    file.close();
  }
}
