/** How a part gets its final name, whatever wrote it, and how that is told after a crash. */

import { dirname, join } from "@std/path";
import { z } from "zod";
import { makeParents } from "./directory.ts";
import { type Disk, type DiskEntry, removeIfThere } from "./disk.ts";
import type { Journal } from "./journal.ts";
import { numberedName } from "./safe_name.ts";

/** Says that a part is about to get its final name. */
export const publishingRecord = z.object({
  type: z.literal("publishing"),
  /** Relative to the directory that the part is received in. */
  path: z.string(),
  /** `DiskEntry.id` of the part. */
  id: z.string(),
  fileSize: z.int().nonnegative(),
  sha256: z.string(),
});
export type PublishingRecord = z.infer<typeof publishingRecord>;

/** What was published. */
export interface Published {
  /** Absolute. */
  readonly path: string;
  readonly fileSize: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Bytes of the file that it took the place of. */
  readonly replacedBytes: number;
}

/** A part whose bytes are all there, known to be right, and synced. */
export interface WholePart {
  readonly disk: Disk;
  /** The directory that nothing may leave. Absolute. */
  readonly root: string;
  /** The final name asked for, relative to `root`, from `safeRelativePath`. */
  readonly name: string;
  /** The part itself. */
  readonly path: string;
  readonly journal: Journal;
  readonly fileSize: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * Gives a part its final name, durably. Its journal stays until {@linkcode removePart}.
 *
 * @param overwrite Replaces a file of that name; else a taken name becomes `name (1).ext`, and so on.
 * @throws {RangeError} The part is not as long as it should be: somebody else touched it.
 */
export async function publishPart(part: WholePart, overwrite: boolean): Promise<Published> {
  const { disk, root, path: partPath, journal, fileSize, sha256 } = part;
  const found = await disk.stat(partPath);
  if (found === undefined) throw new Deno.errors.NotFound(`Part ${partPath} is gone`);
  if (found.size !== fileSize) {
    throw new RangeError(`Part ${partPath} has ${found.size} bytes, ${fileSize} were stored`);
  }
  for (let number = 0;; number++) {
    const name = numberedName(part.name, number);
    const path = await makeParents(disk, root, name);
    const taken = await disk.stat(path);
    if (taken !== undefined && !(overwrite && taken.kind === "file")) continue;
    // Read after a crash between the next two steps: the part may have its final name already.
    await journal.append(
      { type: "publishing", id: found.id, path: name, fileSize, sha256 } satisfies PublishingRecord,
    );
    if (await moveTo(disk, { from: partPath, to: path, overwrite })) {
      return { path, fileSize, sha256, replacedBytes: taken?.size ?? 0 };
    }
  }
}

/**
 * What an earlier process published and did not live to tell, made durable; `undefined` when it died before
 * that.
 *
 * @param found What stands where the part was.
 */
export async function publishedBefore(
  { disk, root, found, record }: {
    readonly disk: Disk;
    readonly root: string;
    readonly found: DiskEntry | undefined;
    readonly record: PublishingRecord;
  },
): Promise<Published | undefined> {
  const { id, fileSize, sha256 } = record;
  // Relative, so that a directory that was moved meanwhile makes no difference.
  const path = join(root, record.path);
  const target = await disk.stat(path);
  // After a directory was copied, or restored, an id can be another file's: then the part is all there is.
  const isPart = found === undefined || found.id === id;
  if (target?.id !== id || target.size !== fileSize || !isPart) return undefined;
  await disk.syncDirectory(dirname(path));
  return { path, fileSize, sha256, replacedBytes: 0 };
}

/** @returns Whether the name was still free. */
async function moveTo(
  disk: Disk,
  { from, to, overwrite }: { readonly from: string; readonly to: string; readonly overwrite: boolean },
): Promise<boolean> {
  const given = await giveName(disk, { from, to, overwrite });
  if (given === "taken") return false;
  await disk.syncDirectory(dirname(to));
  if (given === "linked") await disk.remove(from);
  return true;
}

/**
 * Gives a file that is whole and synced a name, which is durable once its directory is synced.
 *
 * @param options `overwrite`: replaces a file of that name; else nothing is replaced.
 * @returns `"linked"`: it has its old name too.
 */
export async function giveName(
  disk: Disk,
  { from, to, overwrite }: { readonly from: string; readonly to: string; readonly overwrite: boolean },
): Promise<"linked" | "moved" | "taken"> {
  if (!overwrite) {
    try {
      // Unlike a rename, a link never replaces what is there.
      await disk.link(from, to);
      return "linked";
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return "taken";
      if (!isWithoutLinks(error)) throw error;
      if (!await reserve(disk, to)) return "taken";
    }
  }
  await disk.rename(from, to);
  return "moved";
}

/** Takes a name by an empty file, which the part then replaces. @returns Whether it was free. */
async function reserve(disk: Disk, path: string): Promise<boolean> {
  try {
    (await disk.create(path)).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Whether a file system has no second names for a file: FAT, exFAT and some network mounts. */
function isWithoutLinks(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS" ||
    code === "EMLINK";
}

/**
 * Removes what there is of a part and its journal. The part goes for good first: a journal alone is
 * known for the rest of something, while a part alone could be anybody's.
 */
export async function removePart(disk: Disk, path: string): Promise<void> {
  await removeIfThere(disk, path);
  await disk.syncDirectory(dirname(path));
  await removeIfThere(disk, `${path}.journal`);
}
