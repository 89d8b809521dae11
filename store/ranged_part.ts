import { ByteRanges } from "./byte_ranges.ts";
import { confirmedClaims, type RangeRecord, Run } from "./claims.ts";
import type { Disk } from "./disk.ts";
import type { Journal } from "./journal.ts";
import { type Published, publishPart, removePart } from "./publishing.ts";
import type { FileVersion, VersionRecord } from "./ranged_part_records.ts";

/** Where a part stands and what is known of it. */
export interface RangedPartOptions {
  readonly disk: Disk;
  /** The directory that it is received in. Absolute. */
  readonly directory: string;
  /** Where the file comes from, which no other file does. */
  readonly url: string;
  /** The final name asked for: one name, from `safeRelativePath`. */
  readonly name: string;
  /** The part itself. */
  readonly path: string;
  readonly journal: Journal;
  /** Keeps others out. */
  readonly lock: { close(): void };
  readonly version: FileVersion | undefined;
  /** What the journal says is on disk; not trusted before {@linkcode RangedPart.recover}. */
  readonly claims: readonly RangeRecord[];
}

/** Writes to a part, one after the other; several may write at a time. */
export interface RangeWriter {
  /** Writes all of the bytes. Calls must not overlap. @throws {Error} What the file system answered. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  close(): void;
}

/**
 * A file that is received in ranges, in any order: a sparse part, and a journal of what of it is on disk.
 *
 * Guarantees: `durable` ranges survive a loss of power, and what they hold is what was written; of another
 * version of the file nothing is left once {@linkcode begin} has returned; a published file is whole.
 */
export class RangedPart {
  readonly url: string;
  readonly name: string;
  readonly path: string;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #journal: Journal;
  readonly #lock: { close(): void };
  #version: FileVersion | undefined;
  readonly #claims: readonly RangeRecord[];
  #durable = new ByteRanges();
  #written = new ByteRanges();
  /** Written and not claimed, by whom it is being continued; a key of its own when by nobody any more. */
  #runs = new Map<object, Run>();
  #syncing: Promise<void> | undefined;
  /** A sync has failed: the kernel may have dropped what was written (fsync(2), EIO). */
  #failure: unknown;

  constructor(options: RangedPartOptions) {
    this.url = options.url;
    this.name = options.name;
    this.path = options.path;
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#journal = options.journal;
    this.#lock = options.lock;
    this.#version = options.version;
    this.#claims = options.claims;
  }

  /** The version of the file that the ranges are of; `undefined` when there can be none. */
  get version(): FileVersion | undefined {
    return this.#version;
  }

  /** What is written. */
  get written(): ByteRanges {
    return this.#written;
  }

  /** What a loss of power can't take. */
  get durable(): ByteRanges {
    return this.#durable;
  }

  /** Checks what an earlier process has claimed, trusts what holds, and cuts off what is behind that. */
  async recover(): Promise<void> {
    const file = await this.#disk.open(this.path);
    try {
      const held = await confirmedClaims(file, this.#claims);
      this.#durable = new ByteRanges(held);
      this.#written = new ByteRanges(held);
      // A longer version of the file may have been cut off, and be back after a loss of power.
      await file.truncate(Math.max(0, ...held.map(({ to }) => to)));
    } finally {
      file.close();
    }
  }

  /** Starts over, for this version of the file. No writer may be in use. */
  async begin(version: FileVersion): Promise<void> {
    // Another sync may be waiting for the one under way, and begin when that ends.
    while (this.#syncing !== undefined) await this.#syncing.catch(() => {});
    // Nothing of another version is claimed from here on, nor counts before any byte of this one is written.
    this.#runs.clear();
    await this.#journal.append({ type: "version", ...version } satisfies VersionRecord);
    this.#version = version;
    this.#durable = new ByteRanges();
    this.#written = new ByteRanges();
    const file = await this.#disk.open(this.path);
    try {
      await file.truncate(0);
    } finally {
      file.close();
    }
  }

  /** Bytes that the file system lacks for the whole file; 0 when they fit, or nobody knows how many there are. */
  async missingSpace(): Promise<number> {
    const size = this.#version?.size;
    if (size === undefined) return 0;
    const missing = size - this.#written.bytes;
    return Math.max(0, missing - await this.#disk.freeBytes(this.#directory));
  }

  /** Opens a handle to write with, of one's own, as positions of a shared one would be mixed up. */
  async openWriter(): Promise<RangeWriter> {
    const file = await this.#disk.open(this.path);
    const writer = {
      write: async (bytes: Uint8Array, at: number) => {
        await file.writeAt(bytes, at);
        this.#note(writer, bytes, at);
      },
      close: () => file.close(),
    };
    return writer;
  }

  /**
   * Makes durable what was written before the call, and claims it. A call while one is under way waits for
   * it and then syncs what is left.
   *
   * @throws {Error} What the file system answered. Nothing more can be claimed then; the next process finds
   * what was claimed before.
   */
  async sync(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#runs.size === 0) return;
    this.#syncing = this.#syncOnce();
    try {
      await this.#syncing;
    } catch (error) {
      this.#failure = error;
      throw error;
    } finally {
      this.#syncing = undefined;
    }
  }

  /**
   * Gives the part its final name, durably, and removes its journal. Writers have to be closed.
   *
   * @param options `sha256` is the digest of the whole, as the caller has computed it, or what the protocol has
   * in its place; it is kept for who asks after a crash, and nothing else. `onPublished` is waited
   * for before the journal goes: whoever has to remember what was published does so there, as after a crash
   * nothing else would tell of it.
   * @throws {RangeError} Bytes are missing, or the part is not as long as it should be.
   */
  async publish(
    options: {
      readonly size: number;
      readonly sha256: string;
      readonly overwrite: boolean;
      readonly onPublished?: ((published: Published) => Promise<void>) | undefined;
    },
  ): Promise<Published> {
    const { size, sha256, overwrite, onPublished } = options;
    const [gap] = this.#written.gaps({ from: 0, to: size });
    if (gap !== undefined) {
      throw new RangeError(`Part ${this.path} has no bytes from ${gap.from} to ${gap.to} of ${size}`);
    }
    await this.sync();
    if (this.#version?.mtimeMs !== undefined) {
      await this.#disk.setModified(this.path, this.#version.mtimeMs);
    }
    const published = await publishPart({
      disk: this.#disk,
      root: this.#directory,
      name: this.name,
      path: this.path,
      journal: this.#journal,
      fileSize: size,
      sha256,
    }, overwrite);
    await onPublished?.(published);
    await this.#remove();
    return published;
  }

  /** Deletes the part and its journal. Writers have to be closed. */
  async discard(): Promise<void> {
    await this.#syncing?.catch(() => {});
    await this.#remove();
  }

  /** Syncs, and leaves the part to a later process. Writers have to be closed. */
  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      this.#lock.close();
    }
  }

  async #remove(): Promise<void> {
    await removePart(this.#disk, this.path);
    // A journal that came back would tell the next run that there is nothing to do.
    await this.#disk.syncDirectory(this.#directory);
    this.#lock.close();
  }

  #note(writer: object, bytes: Uint8Array, at: number): void {
    this.#written.add({ from: at, to: at + bytes.length });
    let run = this.#runs.get(writer);
    if (run?.to !== at) {
      if (run !== undefined) this.#runs.set({}, run);
      run = new Run(at);
      this.#runs.set(writer, run);
    }
    run.add(bytes);
  }

  async #syncOnce(): Promise<void> {
    const records = [...this.#runs.values()].map((run) => run.record());
    this.#runs.clear();
    const file = await this.#disk.open(this.path);
    try {
      await file.sync();
    } finally {
      file.close();
    }
    await this.#journal.append(...records);
    for (const record of records) this.#durable.add(record);
  }
}
