import { dirname, join, resolve } from "@std/path";
import { z } from "zod";
import { CompletedLog, type CompletedUpload } from "./completed_log.ts";
import { makeParents, syncParents } from "./directory.ts";
import { type Disk, realDisk, removeIfThere } from "./disk.ts";
import { Journal } from "./journal.ts";
import { PartFile } from "./part_file.ts";
import { durableRecord } from "./part_claims.ts";
import { type Published, publishedBefore, publishingRecord, removePart } from "./publishing.ts";
import { isStateFile, numberedName, safeRelativePath } from "./safe_name.ts";

/** The folder, in the directory of uploads, that holds what belongs to no single upload. */
const STATE_FOLDER = ".transfer";

/** What is known of an upload besides its bytes. */
export interface UploadRecord {
  /** The key that its client chose. */
  readonly fileId: string;
  /** The name asked for, relative and safe: from `safeRelativePath`. */
  readonly name: string;
  /** Bytes announced; `undefined` when the client will know at the end. */
  readonly fileSize: number | undefined;
  /** SHA-256 of the token that owns it, in hexadecimal. */
  readonly tokenHash: string | undefined;
}

/** An upload that is not complete, as found on disk. */
export interface StoredUpload extends UploadRecord {
  readonly part: PartFile;
  /** When it was last written to, in milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** How often a folder may vanish while a part is made in it. */
const VANISHED_MOST = 10;

/** How many parts of one name are numbered; more get six random hexadecimal digits. */
const NUMBERED_MOST = 16;

const openRecord = z.object({
  type: z.literal("open"),
  version: z.literal(1),
  fileId: z.string(),
  name: z.string(),
  fileSize: z.int().nonnegative().optional(),
  tokenHash: z.string().optional(),
  boot: z.string().optional(),
});
const ownedRecord = z.object({ type: z.literal("owned"), tokenHash: z.string() });
const bootOf = z.object({ boot: z.string() });

/** Options of {@linkcode UploadStore.open}. */
export interface UploadStoreOptions {
  /** @default The file system of this machine. */
  readonly disk?: Disk;
  /** The time, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** The directory that uploads are received in: its parts, their journals, and the room that is left. */
export class UploadStore {
  /** Absolute path of the directory. */
  readonly root: string;
  readonly completed: CompletedLog;
  readonly #disk: Disk;

  private constructor(root: string, disk: Disk, completed: CompletedLog) {
    this.root = root;
    this.#disk = disk;
    this.completed = completed;
  }

  /** Opens a directory that exists. */
  static async open(path: string, { disk = realDisk(), nowMs }: UploadStoreOptions): Promise<UploadStore> {
    const root = resolve(path);
    const state = join(root, STATE_FOLDER);
    if (await disk.stat(state) === undefined) {
      await disk.makeDirectory(state);
      await disk.syncDirectory(root);
    }
    return new UploadStore(root, disk, await CompletedLog.open(disk, state, nowMs));
  }

  /** Bytes that this process may still write to the file system. */
  freeBytes(): Promise<number> {
    return this.#disk.freeBytes(this.root);
  }

  /** Bytes of all files in the directory, as far as they may be looked at. */
  async usedBytes(folder: string = this.root): Promise<number> {
    let bytes = 0;
    // What may not be read is reported by `load`.
    for (const { name, kind } of await this.#disk.list(folder).catch(() => [])) {
      const path = join(folder, name);
      if (kind === "directory") bytes += await this.usedBytes(path);
      else if (kind === "file") bytes += (await this.#disk.stat(path))?.size ?? 0;
    }
    return bytes;
  }

  /** Whether a part is still there, or a person has removed it. */
  async hasPart(part: PartFile): Promise<boolean> {
    return await this.#disk.stat(part.path) !== undefined;
  }

  /** Whether a completed upload is still where it was published, and as long as it was. */
  async isInPlace({ path, fileSize }: CompletedUpload): Promise<boolean> {
    const found = await this.#disk.stat(path);
    return found?.kind === "file" && found.size === fileSize;
  }

  /** Makes an empty part, whose place no other upload has, and its journal, durably. */
  async create(upload: UploadRecord): Promise<PartFile> {
    for (let number = 0, vanished = 0;;) {
      // Looking for the first number that is free takes long where a name is popular.
      const isPopular = number >= NUMBERED_MOST;
      const name = isPopular ? `${upload.name}.${randomHex()}` : numberedName(upload.name, number);
      const path = `${await makeParents(this.#disk, this.root, name)}.part`;
      try {
        (await this.#disk.create(path)).close();
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) number++;
        // The last upload of a folder was deleted, and the folder with it, between the two lines above.
        else if (!(error instanceof Deno.errors.NotFound) || ++vanished > VANISHED_MOST) throw error;
        continue;
      }
      try {
        return await this.#begin(upload, path);
      } catch (error) {
        await removePart(this.#disk, path);
        throw error;
      }
    }
  }

  /** Notes in an upload's journal that it belongs to a token from now on. */
  async own(part: PartFile, tokenHash: string): Promise<void> {
    await part.journal.append({ type: "owned", tokenHash } satisfies z.infer<typeof ownedRecord>);
  }

  /** Publishes a part and remembers that it was. Its client may be told, and `part.forget()` called. */
  async publish(
    upload: UploadRecord & { readonly part: PartFile },
    options: {
      readonly overwrite: boolean;
      readonly sha256?: string | undefined;
      /** When its client last changed it, in milliseconds since 1970. */
      readonly mtimeMs?: number | undefined;
      readonly nowMs: number;
    },
  ): Promise<CompletedUpload & Pick<Published, "replacedBytes">> {
    const { path, fileSize, sha256, replacedBytes } = await upload.part.publish(options);
    // Not of the part: by its time it is told whether its client was there lately.
    if (options.mtimeMs !== undefined) await this.#disk.setModified(path, options.mtimeMs);
    const { fileId, tokenHash } = upload;
    const completed = {
      fileId,
      path,
      fileSize,
      sha256,
      ...(tokenHash === undefined ? {} : { tokenHash }),
      atMs: options.nowMs,
    };
    await this.completed.add(completed);
    return { ...completed, replacedBytes };
  }

  /**
   * Finds the uploads that an earlier process left, and finishes those that it was publishing when it
   * died.
   *
   * @param onUnusable Called with the path of each part that can't be continued, and why. They are
   * left where they are.
   */
  async load(
    { nowMs, onUnusable }: {
      readonly nowMs: number;
      readonly onUnusable: (path: string, reason: string) => void;
    },
  ): Promise<StoredUpload[]> {
    const uploads: StoredUpload[] = [];
    for await (const path of this.#partsBelow(this.root, onUnusable)) {
      try {
        const upload = await this.#loadOne(path, nowMs);
        if (upload !== undefined) uploads.push(upload);
      } catch (error) {
        onUnusable(path, error instanceof Error ? error.message : String(error));
      }
    }
    return uploads;
  }

  /** Paths of all parts below a folder, of which the part or the journal is there. */
  async *#partsBelow(
    folder: string,
    onUnusable: (path: string, reason: string) => void,
  ): AsyncGenerator<string> {
    const parts = new Set<string>();
    try {
      for (const { name, kind } of await this.#disk.list(folder)) {
        if (kind === "directory" && name !== STATE_FOLDER) {
          yield* this.#partsBelow(join(folder, name), onUnusable);
        } else if (isStateFile(name)) parts.add(join(folder, name.replace(/\.journal$/i, "")));
      }
    } catch (error) {
      // A folder of somebody else, such as lost+found: it holds no uploads.
      if (folder === this.root || !(error instanceof Deno.errors.PermissionDenied)) throw error;
      onUnusable(folder, error.message);
    }
    yield* parts;
  }

  async #begin({ fileId, name, fileSize, tokenHash }: UploadRecord, path: string): Promise<PartFile> {
    const { bootId } = this.#disk;
    // A journal without a part is the rest of something that a person removed.
    await removeIfThere(this.#disk, `${path}.journal`);
    const journal = await Journal.create(
      this.#disk,
      `${path}.journal`,
      {
        type: "open",
        version: 1,
        fileId,
        name,
        ...(fileSize === undefined ? {} : { fileSize }),
        ...(tokenHash === undefined ? {} : { tokenHash }),
        ...(bootId === undefined ? {} : { boot: bootId }),
      } satisfies z.infer<typeof openRecord>,
    );
    await this.#disk.syncDirectory(dirname(path));
    return new PartFile({
      disk: this.#disk,
      root: this.root,
      name,
      path,
      journal,
      length: 0,
      claims: [],
      boot: bootId,
    });
  }

  async #loadOne(path: string, nowMs: number): Promise<StoredUpload | undefined> {
    const found = await this.#disk.stat(path);
    const hasJournal = await this.#disk.stat(`${path}.journal`) !== undefined;
    if (!hasJournal && found?.size !== 0) throw new TypeError("it has no journal");
    // Power was lost before its start was answered.
    if (!hasJournal) return void await removePart(this.#disk, path);
    const { journal, records } = await Journal.open(this.#disk, `${path}.journal`);
    const [first, ...rest] = records;
    const opened = openRecord.safeParse(first);
    // Its start was never answered: the journal was not even written.
    if (!opened.success && (found?.size ?? 0) === 0) return void await removePart(this.#disk, path);
    if (!opened.success) throw new TypeError("its journal does not say what it is of");
    const { fileId, name, fileSize } = opened.data;
    if (safeRelativePath(name) !== name) throw new TypeError("its journal holds a name that no upload has");
    const tokenHash = lastOf(ownedRecord, rest)?.tokenHash ?? opened.data.tokenHash;
    const publishing = publishingRecord.safeParse(rest.at(-1));
    if (publishing.success) {
      const options = { disk: this.#disk, root: this.root, found, record: publishing.data };
      const published = await publishedBefore(options);
      if (published !== undefined) {
        const { path: target, fileSize, sha256 } = published;
        const owner = tokenHash === undefined ? {} : { tokenHash };
        await this.completed.add({ fileId, path: target, fileSize, sha256, ...owner, atMs: nowMs });
        return void await removePart(this.#disk, path);
      }
    }
    if (found === undefined) return void await removePart(this.#disk, path);
    if (found.kind !== "file") throw new TypeError("it is no regular file");
    if (fileSize !== undefined && found.size > fileSize) {
      throw new RangeError(`it has ${found.size} bytes, announced were ${fileSize}`);
    }
    // Whoever made it may have died before any of this was durable.
    await journal.sync();
    await syncParents(this.#disk, this.root, path);
    const part = new PartFile({
      disk: this.#disk,
      root: this.root,
      name,
      path,
      journal,
      length: found.size,
      claims: rest.flatMap((record) => durableRecord.safeParse(record).data ?? []),
      boot: lastOf(bootOf, records)?.boot,
    });
    return { fileId, name, fileSize, tokenHash, part, mtimeMs: found.mtimeMs };
  }
}

function lastOf<T>(schema: z.ZodType<T>, records: readonly unknown[]): T | undefined {
  return records.flatMap((record) => schema.safeParse(record).data ?? []).at(-1);
}

function randomHex(): string {
  return crypto.getRandomValues(new Uint8Array(3)).toHex();
}
