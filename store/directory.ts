import { dirname, join } from "@std/path";
import type { Disk } from "./disk.ts";

/**
 * Makes the folders of `relativePath` below `root` and returns the path of what it names, which may or
 * may not exist.
 *
 * @throws {Deno.errors.NotADirectory} A folder on the way is a symbolic link or something else than a
 * folder. Links are never followed: one that points outside would carry a peer's file there.
 */
export async function makeParents(disk: Disk, root: string, relativePath: string): Promise<string> {
  let path = root;
  for (const folder of relativePath.split("/").slice(0, -1)) {
    const parent = path;
    path = join(path, folder);
    try {
      await disk.makeDirectory(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    // Also when it was there: whoever made it may have died before this.
    await disk.syncDirectory(parent);
    if ((await disk.stat(path))?.kind !== "directory") {
      throw new Deno.errors.NotADirectory(`"${folder}" is taken by something that is no folder`);
    }
  }
  return join(root, relativePath);
}

/**
 * Makes a directory that somebody has named, and those above it, as far as they are not there.
 *
 * @throws {Deno.errors.NotADirectory} It, or something above it, is no directory.
 * @throws {Error} It can't be made there, or not by this user.
 */
export async function makeNamedDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new Deno.errors.NotADirectory(`${path} is no directory`, { cause: error });
    }
    if (error instanceof Deno.errors.NotADirectory) {
      const why = "something above it is no directory";
      throw new Deno.errors.NotADirectory(`${path} can't be made: ${why}`, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Error(`${path} can't be made: this user may not do that`, { cause: error });
    }
    // As all that is missing above it would be made, too: it is where the system makes them, in /proc say.
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(`${path} can't be made: no directory can be made there`, { cause: error });
    }
    throw error;
  }
}

/** Makes a name and those of the folders above it durable, up to `root`. */
export async function syncParents(disk: Disk, root: string, path: string): Promise<void> {
  for (let folder = dirname(path); folder.length >= root.length; folder = dirname(folder)) {
    await disk.syncDirectory(folder);
    if (folder === dirname(folder)) return;
  }
}

/** Removes the folders above `path` that are empty, up to and without `root`. */
export async function removeEmptyParents(disk: Disk, root: string, path: string): Promise<void> {
  for (let folder = dirname(path); folder.length > root.length; folder = dirname(folder)) {
    try {
      await disk.remove(folder);
    } catch {
      return; // Not empty, or gone already: either way there is nothing to tidy above it.
    }
  }
}

/**
 * The regular file that `relativePath` names below `root`, or `undefined` when there is none or a
 * symbolic link stands anywhere on the way.
 */
export async function findFile(root: string, relativePath: string): Promise<string | undefined> {
  const parts = relativePath.split("/");
  let path = root;
  for (const [index, part] of parts.entries()) {
    path = join(path, part);
    try {
      const found = await Deno.lstat(path);
      if (index === parts.length - 1 ? !found.isFile : !found.isDirectory) return undefined;
    } catch {
      return undefined;
    }
  }
  return path;
}
