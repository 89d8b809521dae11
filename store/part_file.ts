import { dirname } from "@std/path";
import { makeParents, removeEmptyParents, syncDirectory } from "./directory.ts";
import { appendRecord } from "./journal.ts";
import { numberedName } from "./safe_name.ts";

/** Bytes written between two syncs: what a loss of power may cost, and what the last sync has to wait for. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024;

/** Where a part stands and what it is to become. */
export interface PartFileOptions {
  /** The directory that nothing may leave. Absolute. */
  readonly root: string;
  /** The final name asked for, relative to `root`, from `safeRelativePath`. */
  readonly name: string;
  /** The part itself. Its journal has the same path with `.journal` added. */
  readonly path: string;
  /** Bytes that it holds already. */
  readonly length: number;
}

/**
 * A file that is still being received: appended to, synced, and at last published under its final name
 * or discarded. Calls must not overlap. The file is opened when it is first written to, so that a
 * part nobody writes to costs no handle.
 */
export class PartFile {
  readonly name: string;
  readonly path: string;
  readonly #root: string;
  #length: number;
  #syncedLength: number;
  #file: Deno.FsFile | undefined;

  constructor(options: PartFileOptions) {
    this.#root = options.root;
    this.name = options.name;
    this.path = options.path;
    this.#length = options.length;
    this.#syncedLength = options.length;
  }

  /** Bytes that the part holds. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of it that are known to be on disk. */
  get syncedLength(): number {
    return this.#syncedLength;
  }

  /**
   * Adds bytes at the end. When it fails (a full disk, say) the part is what it was before.
   *
   * @throws {Error} What the file system answered; a full disk has the code `ENOSPC`.
   */
  async append(bytes: Uint8Array): Promise<void> {
    const file = await this.#opened();
    try {
      let written = 0;
      while (written < bytes.length) written += await file.write(bytes.subarray(written));
    } catch (error) {
      await file.truncate(this.#length);
      await file.seek(this.#length, Deno.SeekMode.Start);
      throw error;
    }
    this.#length += bytes.length;
  }

  /** Syncs once enough was appended since the last time, so that the last sync never takes long. */
  async checkpoint(): Promise<void> {
    if (this.#length - this.#syncedLength >= SYNC_EVERY_BYTES) await this.sync();
  }

  /**
   * Waits until all that was appended is on disk. When that fails, the part goes back to what was
   * synced before: the kernel may have dropped the pages that it could not write (fsync(2), EIO).
   */
  async sync(): Promise<void> {
    if (this.#length === this.#syncedLength) return;
    const file = await this.#opened();
    try {
      await file.syncData();
    } catch (error) {
      this.#length = this.#syncedLength;
      await file.truncate(this.#length);
      await file.seek(this.#length, Deno.SeekMode.Start);
      throw error;
    }
    this.#syncedLength = this.#length;
  }

  /** Syncs and lets go of the file; the part stays and can be appended to again. */
  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      this.#file?.close();
      this.#file = undefined;
    }
  }

  /**
   * Gives the part its final name, durably, and ends it.
   *
   * @param overwrite Replace a file of that name; else a taken name becomes `name (1).ext`, and so on.
   * @returns The absolute path.
   * @throws {RangeError} The part is not as long as what was appended: somebody else touched it.
   */
  async publish(overwrite: boolean): Promise<string> {
    await this.close();
    const { size } = await Deno.stat(this.path);
    if (size !== this.#length) {
      throw new RangeError(`Part ${this.path} has ${size} bytes, ${this.#length} were stored`);
    }
    for (let number = 0;; number++) {
      const target = await makeParents(this.#root, numberedName(this.name, number));
      // Read after a crash between the two steps below: the part has its final name already.
      await appendRecord(journalPath(this.path), { type: "publishing", path: target });
      if (await this.#moveTo(target, overwrite)) {
        await syncDirectory(dirname(target));
        await Deno.remove(journalPath(this.path));
        return target;
      }
    }
  }

  /** Deletes the part and its journal. */
  async discard(): Promise<void> {
    this.#file?.close();
    this.#file = undefined;
    for (const path of [this.path, journalPath(this.path)]) {
      try {
        await Deno.remove(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    await removeEmptyParents(this.#root, this.path);
  }

  /** @returns Whether the name was free. */
  async #moveTo(target: string, overwrite: boolean): Promise<boolean> {
    if (overwrite) {
      const taken = await Deno.lstat(target).catch(() => undefined);
      if (taken !== undefined && !taken.isFile) return false;
      await Deno.rename(this.path, target);
      return true;
    }
    try {
      // Unlike a rename, a link never replaces what is there.
      await Deno.link(this.path, target);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    }
    await Deno.remove(this.path);
    return true;
  }

  async #opened(): Promise<Deno.FsFile> {
    if (this.#file === undefined) {
      this.#file = await Deno.open(this.path, { write: true });
      await this.#file.seek(this.#length, Deno.SeekMode.Start);
    }
    return this.#file;
  }
}

/** The journal that belongs to a part. */
export function journalPath(partPath: string): string {
  return `${partPath}.journal`;
}
