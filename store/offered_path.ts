import { join, relative } from "@std/path";
import { isStateFile } from "./safe_name.ts";

/** A file or directory below a root that may be given to others. */
export interface OfferedPath {
  /** Absolute, with links followed. */
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/**
 * Whether a relative path ("/" between its parts) is one that may be offered at all, whatever stands there:
 * none of its parts is hidden, a step upwards, or one of this program's state files.
 */
export function isOfferable(path: string): boolean {
  return path !== "" && !path.includes("\0") && path.split("/").every(isOfferableName);
}

/** Whether a name within a directory is one that may be offered. */
export function isOfferableName(name: string): boolean {
  return name !== "" && !name.startsWith(".") && !isStateFile(name) && (!IS_WINDOWS || !name.includes("\\"));
}

const IS_WINDOWS = Deno.build.os === "windows";

/**
 * What a path below a root names: a regular file, a directory, or a link to a regular file that is itself
 * below the root and may be offered. Folders on the way must be no links.
 *
 * @param root Absolute, with links followed.
 * @param path Relative, with "/" between its parts.
 * @returns `undefined`: nothing that may be offered.
 */
export function findOffered(root: string, path: string): OfferedPath | undefined {
  if (!isOfferable(path)) return undefined;
  const named = pathBelow(root, path);
  try {
    const real = Deno.realPathSync(named);
    const info = Deno.lstatSync(real);
    if (real === named) return info.isFile || info.isDirectory ? { path: real, info } : undefined;
    if (!info.isFile || !Deno.lstatSync(named).isSymlink || !isFolderReal(root, named)) return undefined;
    const target = relative(root, real).replaceAll("\\", "/");
    return isOfferable(target) ? { path: real, info } : undefined;
  } catch {
    return undefined; // Gone, not to be read, a link to nowhere or to itself: nothing to offer.
  }
}

function isFolderReal(root: string, named: string): boolean {
  const folder = join(named, "..");
  return folder === root || Deno.realPathSync(folder) === folder;
}

/**
 * Opens a file that may be offered, for reading.
 *
 * Names can come to mean something else between any two calls. So what was opened is looked at again: it is
 * the very file that stands at its real path below the root, or nothing is given out.
 *
 * @returns `undefined`: there is no such file.
 * @throws {Deno.errors.PermissionDenied} It can't be read; other errors of opening as well.
 */
export function openOffered(
  root: string,
  path: string,
): { readonly file: Deno.FsFile; readonly info: Deno.FileInfo } | undefined {
  const before = isOfferable(path) ? whatToOpen(root, path) : undefined;
  if (before === undefined) return undefined;
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(before, { read: true });
  } catch (error) {
    // What is not offered is not there, readable or not.
    if (findOffered(root, path) === undefined) return undefined;
    throw error;
  }
  try {
    const info = file.statSync();
    const now = findOffered(root, path)?.info;
    if (info.isFile && now !== undefined && isSameFile(info, now)) return { file, info };
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

/**
 * Reads a short file that may be offered, with as few calls as keep what {@linkcode openOffered} promises.
 *
 * It is opened only if a regular file, and no link, stands at its path. What was read is good only if that very
 * file still stands there, at a real path below the root, and had the same size and time all along.
 *
 * @param buffer Is filled from its beginning. It may hold anything when nothing is returned.
 * @returns What the system says of the file, all of whose `size` bytes are in the buffer; `undefined`: it is not
 * known whether it may be read, or it is too long, or changes. {@linkcode openOffered} tells.
 */
export function readOffered(root: string, path: string, buffer: Uint8Array): Deno.FileInfo | undefined {
  if (!isOfferable(path)) return undefined;
  const named = pathBelow(root, path);
  try {
    const before = Deno.lstatSync(named);
    if (!before.isFile || before.size > buffer.length) return undefined;
    const info = readAll(named, buffer.subarray(0, before.size));
    if (info === undefined || !isSameState(before, info) || Deno.realPathSync(named) !== named) {
      return undefined;
    }
    return isSameFile(Deno.lstatSync(named), info) ? info : undefined;
  } catch {
    return undefined;
  }
}

/** @returns What was read from, as it is afterwards; `undefined`: it has less than fills the buffer. */
function readAll(path: string, buffer: Uint8Array): Deno.FileInfo | undefined {
  const file = Deno.openSync(path);
  try {
    for (let filled = 0; filled < buffer.length;) {
      const count = file.readSync(buffer.subarray(filled));
      if (count === null) return undefined;
      filled += count;
    }
    return file.statSync();
  } finally {
    file.close();
  }
}

/** Whether both are of one file that was not written to in between. */
function isSameState(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return isSameFile(one, other) && one.size === other.size && one.mtime?.getTime() === other.mtime?.getTime();
}

/** A path that is no pipe or device, whose opening alone would have effects; what it is shows afterwards. */
function whatToOpen(root: string, path: string): string | undefined {
  try {
    const named = pathBelow(root, path);
    const { isFile, isSymlink } = Deno.lstatSync(named);
    return isFile ? named : isSymlink ? findOffered(root, path)?.path : undefined;
  } catch {
    return undefined;
  }
}

/** The path of something below a root, which is as short as it can be. */
export function pathBelow(root: string, path: string): string {
  // Joining looks at every character, for each of ten thousand files.
  return IS_WINDOWS || root.endsWith("/") ? join(root, path) : `${root}/${path}`;
}

/** Whether both are of one file, whatever its names. */
export function isSameFile(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** When a file was last changed, in whole milliseconds since 1970; what is from before counts as of then. */
export function modifiedMs({ mtime }: Deno.FileInfo): number {
  return Math.max(0, Math.floor(mtime?.getTime() ?? 0));
}
