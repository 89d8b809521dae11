import { dirname, join, resolve } from "@std/path";
import { statfs } from "node:fs/promises";
import { z } from "zod";
import { makeParents, syncDirectory } from "./directory.ts";
import { appendRecord, readJournal } from "./journal.ts";
import { journalPath, PartFile } from "./part_file.ts";
import { numberedName } from "./safe_name.ts";

/** An upload that is not complete, as found on disk. */
export interface StoredUpload {
  readonly fileId: string;
  /** Bytes announced. */
  readonly fileSize: number;
  readonly part: PartFile;
}

const openRecord = z.object({
  type: z.literal("open"),
  version: z.literal(1),
  fileId: z.string(),
  name: z.string(),
  fileSize: z.int().nonnegative(),
});
const publishingRecord = z.object({ type: z.literal("publishing"), path: z.string() });

/** The directory that uploads are received in: its parts, their journals, and the room that is left. */
export class UploadStore {
  /** Absolute path of the directory. */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** Opens a directory, which is made if need be. */
  static async open(path: string): Promise<UploadStore> {
    const root = resolve(path);
    await Deno.mkdir(root, { recursive: true });
    return new UploadStore(await Deno.realPath(root));
  }

  /** Bytes that this process may still write to the file system. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.root);
    return bavail * bsize;
  }

  /**
   * Makes an empty part, whose place no other upload has, and its journal, durably.
   *
   * @param upload `name` is relative and safe: from `safeRelativePath`.
   */
  async create(
    upload: { readonly fileId: string; readonly name: string; readonly fileSize: number },
  ): Promise<PartFile> {
    const { fileId, name, fileSize } = upload;
    for (let number = 0;; number++) {
      const path = `${await makeParents(this.root, numberedName(name, number))}.part`;
      try {
        (await Deno.open(path, { write: true, createNew: true })).close();
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) continue;
        throw error;
      }
      const part = new PartFile({ root: this.root, name, path, length: 0 });
      try {
        // A journal without a part is the rest of something that a person removed.
        await Deno.remove(journalPath(path)).catch(ignoreNotFound);
        await appendRecord(journalPath(path), { type: "open", version: 1, fileId, name, fileSize });
        await syncDirectory(dirname(path));
      } catch (error) {
        await part.discard();
        throw error;
      }
      return part;
    }
  }

  /**
   * Finds the uploads that an earlier process left, and finishes those that it was publishing when it
   * died.
   *
   * @param onUnusable Called with the path of each part that can't be continued, and why. They are
   * left where they are.
   */
  async load(onUnusable: (path: string, reason: string) => void): Promise<StoredUpload[]> {
    const uploads: StoredUpload[] = [];
    for await (const path of partsBelow(this.root)) {
      try {
        const upload = await this.#loadOne(path);
        if (upload !== undefined) uploads.push(upload);
      } catch (error) {
        onUnusable(path, error instanceof Error ? error.message : String(error));
      }
    }
    return uploads;
  }

  async #loadOne(path: string): Promise<StoredUpload | undefined> {
    const [first, ...rest] = await readJournal(journalPath(path));
    const { fileId, name, fileSize } = openRecord.parse(first);
    const found = await Deno.lstat(path);
    const last = publishingRecord.safeParse(rest.at(-1));
    if (last.success && await isSameFile(last.data.path, found)) {
      await Deno.remove(path);
      await Deno.remove(journalPath(path));
      return undefined;
    }
    if (!found.isFile) throw new TypeError("it is no regular file");
    if (found.size > fileSize) throw new RangeError(`it has ${found.size} bytes, announced were ${fileSize}`);
    const part = new PartFile({ root: this.root, name, path, length: found.size });
    return { fileId, fileSize, part };
  }
}

async function isSameFile(path: string, other: Deno.FileInfo): Promise<boolean> {
  try {
    const found = await Deno.lstat(path);
    return found.ino === other.ino && found.dev === other.dev;
  } catch (error) {
    ignoreNotFound(error);
    return false;
  }
}

async function* partsBelow(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* partsBelow(path);
    else if (entry.isFile && entry.name.endsWith(".part")) yield path;
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
