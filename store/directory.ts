import { dirname, join } from "@std/path";

/**
 * Makes what was created, renamed or removed in a directory survive a loss of power. Only after this
 * does a new name count as stored: syncing a file does not store its name (fsync(2)).
 */
export async function syncDirectory(path: string): Promise<void> {
  // Windows can't open a directory as a file, and stores names by itself.
  if (Deno.build.os === "windows") return;
  using directory = await Deno.open(path, { read: true });
  await directory.sync();
}

/**
 * Makes the folders of `relativePath` below `root` and returns the path of what it names, which may or
 * may not exist.
 *
 * @throws {Deno.errors.NotADirectory} A folder on the way is a symbolic link or something else than a
 * folder. Links are never followed: one that points outside would carry a peer's file there.
 */
export async function makeParents(root: string, relativePath: string): Promise<string> {
  const folders = relativePath.split("/").slice(0, -1);
  let path = root;
  for (const folder of folders) {
    const parent = path;
    path = join(path, folder);
    try {
      await Deno.mkdir(path);
      await syncDirectory(parent);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    if (!(await Deno.lstat(path)).isDirectory) {
      throw new Deno.errors.NotADirectory(`"${folder}" is taken by something that is no folder`);
    }
  }
  return join(root, relativePath);
}

/** Removes the folders above `path` that are empty, up to and without `root`. */
export async function removeEmptyParents(root: string, path: string): Promise<void> {
  for (let folder = dirname(path); folder.length > root.length; folder = dirname(folder)) {
    try {
      await Deno.remove(folder);
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
