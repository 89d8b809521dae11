import { createHash, type Hash } from "node:crypto";
import { removeEmptyParents } from "./directory.ts";
import type { Disk, DiskFile } from "./disk.ts";
import type { Journal } from "./journal.ts";
import {
  confirmClaims,
  type DurableRecord,
  hashRange,
  lastingClaims,
  type ResumedRecord,
} from "./part_claims.ts";
import { type Published, publishPart, removePart } from "./publishing.ts";

/** Where a part stands and what it is to become. */
export interface PartFileOptions {
  readonly disk: Disk;
  /** The directory that nothing may leave. Absolute. */
  readonly root: string;
  /** The final name asked for, relative to `root`, from `safeRelativePath`. */
  readonly name: string;
  /** The part itself. */
  readonly path: string;
  readonly journal: Journal;
  /** Bytes found on disk. They are not trusted before {@linkcode PartFile.recover}. */
  readonly length: number;
  /** What the journal says is durable, in order. */
  readonly claims: readonly DurableRecord[];
  /** `Disk.bootId` when the journal was last written to. */
  readonly boot: string | undefined;
}

/** The bytes received are not those announced. */
export class DigestMismatchError extends Error {
  override readonly name = "DigestMismatchError";
}

/** Whether what is in memory about a part is true of the disk. */
type PartState =
  /** To be recovered before anything else: just found, or a sync has failed. */
  | { readonly kind: "unchecked" }
  | { readonly kind: "ready"; readonly hash: Hash; file: DiskFile | undefined };

/**
 * A file that is still being received: appended to, hashed while it grows, synced, and at last published
 * under its final name or discarded. Calls must not overlap, save that {@linkcode sync} may run beside
 * `append`. A part that nobody writes to has no file open.
 *
 * Guarantees: `durable` bytes survive a loss of power, and what survives is what was appended; a
 * published file is whole and has the digest stated.
 */
export class PartFile {
  readonly name: string;
  readonly path: string;
  readonly #disk: Disk;
  readonly #root: string;
  readonly journal: Journal;
  #state: PartState;
  #claims: readonly DurableRecord[];
  #length: number;
  /** The start of the machine under which the part was last written to, if that is known. */
  #lastBoot: string | undefined;
  #syncing: Promise<void> | undefined;

  constructor(options: PartFileOptions) {
    this.#disk = options.disk;
    this.#root = options.root;
    this.name = options.name;
    this.path = options.path;
    this.journal = options.journal;
    this.#length = options.length;
    this.#claims = lastingClaims(options.claims);
    this.#lastBoot = options.boot;
    this.#state = options.length === 0 && options.claims.length === 0
      ? { kind: "ready", hash: createHash("sha256"), file: undefined }
      : { kind: "unchecked" };
  }

  /** Bytes that the part holds. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that a loss of power can't take. */
  get durable(): number {
    return this.#claims.at(-1)?.length ?? 0;
  }

  /** Whether {@linkcode recover} is to be called before the part can be used. */
  get needsRecovery(): boolean {
    return this.#state.kind === "unchecked";
  }

  /** SHA-256 of what the part holds, in hexadecimal. */
  sha256(): string {
    return this.#ready().hash.copy().digest("hex");
  }

  /**
   * Reads the part once, rebuilds its digest, and cuts off what can't be trusted: everything behind the
   * last durable claim that its digest confirms, unless the machine has not been restarted since, when
   * what was written is there even if no claim says so.
   */
  async recover(): Promise<void> {
    if (this.#state.kind === "ready") return;
    const claims = this.#claims;
    const file = await this.#disk.open(this.path);
    try {
      const size = (await this.#disk.stat(this.path))?.size ?? 0;
      const { hash, confirmed } = await confirmClaims(file, claims);
      const isSameBoot = this.#disk.bootId !== undefined && this.#lastBoot === this.#disk.bootId;
      if (confirmed.length === claims.length && isSameBoot) {
        this.#length = await hashRange(file, hash, { from: confirmed.at(-1)?.length ?? 0, to: size });
      } else {
        this.#length = confirmed.at(-1)?.length ?? 0;
        await file.truncate(this.#length);
        await file.sync();
      }
      this.#claims = confirmed;
      if (!isSameBoot && this.#disk.bootId !== undefined) {
        // From here on the tail was written under this start of the machine, and is kept after SIGKILL.
        await this.journal.append({ type: "resumed", boot: this.#disk.bootId } satisfies ResumedRecord);
        this.#lastBoot = this.#disk.bootId;
      }
      this.#state = { kind: "ready", hash, file };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * Adds bytes at the end. When it fails (a full disk, say) the part is what it was before.
   *
   * @throws {Error} What the file system answered; a full disk has the code `ENOSPC`.
   */
  async append(bytes: Uint8Array): Promise<void> {
    const state = this.#ready();
    const file = await this.#opened();
    try {
      await file.writeAt(bytes, this.#length);
    } catch (error) {
      await file.truncate(this.#length);
      throw error;
    }
    state.hash.update(bytes);
    this.#length += bytes.length;
  }

  /**
   * Makes what was appended so far durable, and records it. A call while one is under way waits for it
   * and then syncs what is left.
   *
   * When it fails, the part has to be recovered: the kernel may have dropped the pages that it could not
   * write (fsync(2), EIO), so what is in memory may no longer be on disk.
   */
  async sync(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing;
    if (this.#state.kind === "unchecked" || this.#length === this.durable) return;
    this.#syncing = this.#syncOnce();
    try {
      await this.#syncing;
    } finally {
      this.#syncing = undefined;
    }
  }

  /** Syncs and lets go of the file; the part stays and can be appended to again. */
  async close(): Promise<void> {
    try {
      await this.sync();
    } finally {
      this.#closeFile();
    }
  }

  /**
   * Gives the part its final name, durably. Its journal stays until {@linkcode forget}, so that whoever
   * has to remember what was published can do so first.
   *
   * @param options `overwrite` replaces a file of that name; else a taken name becomes `name (1).ext`,
   * and so on. `sha256` is what the bytes have to be, in hexadecimal.
   * @throws {DigestMismatchError} They are something else. The part stays.
   * @throws {RangeError} The part is not as long as what was appended: somebody else touched it.
   */
  async publish(
    options: { readonly overwrite: boolean; readonly sha256?: string | undefined },
  ): Promise<Published> {
    const sha256 = this.sha256();
    if (options.sha256 !== undefined && options.sha256 !== sha256) {
      throw new DigestMismatchError(`SHA-256 of what arrived is ${sha256}, announced was ${options.sha256}`);
    }
    await this.close();
    return await publishPart(
      {
        disk: this.#disk,
        root: this.#root,
        name: this.name,
        path: this.path,
        journal: this.journal,
        fileSize: this.#length,
        sha256,
      },
      options.overwrite,
    );
  }

  /** Removes the journal of a part that was published, once the part's own name is gone for good. */
  async forget(): Promise<void> {
    await removePart(this.#disk, this.path);
  }

  /** Deletes the part and its journal. */
  async discard(): Promise<void> {
    await this.#syncing?.catch(() => {});
    this.#closeFile();
    await removePart(this.#disk, this.path);
    await removeEmptyParents(this.#disk, this.#root, this.path);
  }

  async #syncOnce(): Promise<void> {
    const claim: DurableRecord = {
      type: "durable",
      length: this.#length,
      sha256: this.sha256(),
      ...(this.#disk.bootId === undefined ? {} : { boot: this.#disk.bootId }),
    };
    try {
      await (await this.#opened()).sync();
    } catch (error) {
      this.#closeFile();
      this.#state = { kind: "unchecked" };
      this.#lastBoot = undefined;
      throw error;
    }
    await this.journal.append(claim);
    // One claim back is enough, should the last one not hold.
    this.#claims = [...this.#claims.slice(-1), claim];
  }

  #ready(): Extract<PartState, { kind: "ready" }> {
    if (this.#state.kind === "unchecked") throw new TypeError(`Part ${this.path} was not recovered`);
    return this.#state;
  }

  async #opened(): Promise<DiskFile> {
    const state = this.#ready();
    return state.file ??= await this.#disk.open(this.path);
  }

  #closeFile(): void {
    if (this.#state.kind === "unchecked") return;
    this.#state.file?.close();
    this.#state.file = undefined;
  }
}
