/**
 * What storing needs of a file system. There are two: {@linkcode realDisk}, and one in the tests that
 * loses power and with it whatever was not synced. Paths are absolute.
 */

import { statfs } from "node:fs/promises";
import { dirname } from "@std/path";
import { Pace } from "./pace.ts";
import { createWhole, moveToFree } from "./whole_files.ts";

/** A file that is open. Calls that write must not overlap; a sync may run beside them. */
export interface DiskFile {
  /** Writes all of the bytes. @throws {Error} Some may be written nevertheless. */
  writeAt(bytes: Uint8Array, offset: number): Promise<void>;
  /** Reads up to `buffer.length` bytes. @returns How many; 0 at the end. */
  readAt(buffer: Uint8Array, offset: number): Promise<number>;
  truncate(length: number): Promise<void>;
  /** Waits until what was written before the call is on disk, the length included. */
  sync(): Promise<void>;
  close(): void;
}

/** A file to be made at one go. */
export interface WholeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** When it is to have been written to last, in milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** What a file is called, and what it is to be called. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/** What stands under a name; links are not followed. */
export interface DiskEntry {
  readonly kind: "file" | "directory" | "other";
  /** Bytes. */
  readonly size: number;
  /** Equal for two names of one file. */
  readonly id: string;
  /** When it was last written to, in milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** A file system. What makes or removes a name survives a loss of power only after `syncDirectory`. */
export interface Disk {
  /** @throws {Deno.errors.AlreadyExists} The name is taken. */
  create(path: string): Promise<DiskFile>;
  /**
   * Creates whole files and waits until all of each is on disk.
   *
   * @throws {Deno.errors.AlreadyExists} A name is taken.
   * @throws {Error} Some of them may be there nevertheless, whole or not.
   */
  createWhole(files: readonly WholeFile[]): Promise<void>;
  /** @throws {Deno.errors.NotFound} */
  open(path: string): Promise<DiskFile>;
  /** @returns What stands there; `undefined` when nothing does. */
  stat(path: string): Promise<DiskEntry | undefined>;
  list(directory: string): Promise<readonly { readonly name: string; readonly kind: DiskEntry["kind"] }[]>;
  /** @throws {Deno.errors.AlreadyExists} */
  makeDirectory(path: string): Promise<void>;
  /** Gives a file a second name. @throws {Deno.errors.AlreadyExists} The name is taken. */
  link(from: string, to: string): Promise<void>;
  /**
   * Gives files second names by links, and takes their first ones from those that got it.
   *
   * @returns Which have only their second name now. What the others were refused for {@linkcode Disk.link} tells.
   * @throws {Error} A first name can't be taken away.
   */
  moveToFree(moves: readonly Move[]): Promise<ReadonlySet<Move>>;
  /** Sets when a file was last written to, in milliseconds since 1970. */
  setModified(path: string, mtimeMs: number): Promise<void>;
  /** Replaces what stands under the new name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a name, or an empty directory. @throws {Deno.errors.NotFound} */
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /**
   * Keeps every other process, and every other caller in this one, from locking the same file, until it is
   * closed or the process ends, however it does.
   *
   * @returns `undefined` when another has it, or has removed it meanwhile.
   * @throws {Deno.errors.NotFound}
   */
  lock(path: string): Promise<{ close(): void } | undefined>;
  /** Bytes that may still be written to the file system of a path. */
  freeBytes(path: string): Promise<number>;
  /**
   * Changes whenever the machine starts: what was written under another one, and not synced, may be
   * gone. `undefined` when the system does not tell.
   */
  readonly bootId: string | undefined;
}

/** The file system of this machine. */
export function realDisk(): Disk {
  const pace = new Pace();
  return {
    async create(path) {
      return diskFile(path, await Deno.open(path, { read: true, write: true, createNew: true }), pace);
    },
    async open(path) {
      return diskFile(path, await Deno.open(path, { read: true, write: true }), pace);
    },
    createWhole: (files) => createWhole(files, pace),
    stat: (path) => pace.run(() => entrySync(path), () => entryOf(path)),
    list: (path) => pace.run(() => [...Deno.readDirSync(path)].map(listed), () => list(path)),
    makeDirectory: (path) => pace.run(() => Deno.mkdirSync(path), () => Deno.mkdir(path)),
    link: (from, to) => pace.run(() => Deno.linkSync(from, to), () => Deno.link(from, to)),
    moveToFree: (moves) => moveToFree(moves, pace),
    setModified: (path, mtimeMs) => Deno.utime(path, new Date(), new Date(mtimeMs)),
    rename: (from, to) => Deno.rename(from, to),
    remove: (path) => pace.run(() => Deno.removeSync(path), () => Deno.remove(path)),
    syncDirectory: (path) => syncDirectory(path, pace),
    lock: lockFile,
    async freeBytes(path) {
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    },
    bootId: readBootId(),
  };
}

async function entryOf(path: string): Promise<DiskEntry | undefined> {
  return entry(await Deno.lstat(path).catch(unlessMissing));
}

function entrySync(path: string): DiskEntry | undefined {
  try {
    return entry(Deno.lstatSync(path));
  } catch (error) {
    return unlessMissing(error);
  }
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function entry(info: Deno.FileInfo | undefined): DiskEntry | undefined {
  if (info === undefined) return undefined;
  const { size, dev, ino, mtime } = info;
  return { kind: kindOf(info), size, id: `${dev}:${ino}`, mtimeMs: mtime?.getTime() ?? 0 };
}

function kindOf({ isFile, isDirectory }: Pick<Deno.FileInfo, "isFile" | "isDirectory">): DiskEntry["kind"] {
  return isFile ? "file" : isDirectory ? "directory" : "other";
}

function listed(entry: Deno.DirEntry): { readonly name: string; readonly kind: DiskEntry["kind"] } {
  return { name: entry.name, kind: kindOf(entry) };
}

async function list(path: string): Promise<ReturnType<typeof listed>[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(listed);
}

async function syncDirectory(path: string, pace: Pace): Promise<void> {
  // Windows can't open a directory as a file, and stores names by itself.
  if (Deno.build.os === "windows") return;
  await pace.run(
    () => {
      using directory = Deno.openSync(path, { read: true });
      directory.syncSync();
    },
    async () => {
      using directory = await Deno.open(path, { read: true });
      await directory.sync();
    },
  );
}

async function lockFile(path: string): Promise<{ close(): void } | undefined> {
  // There a lock would keep out the other handles of this process as well.
  if (Deno.build.os === "windows") return { close: () => {} };
  const file = await Deno.open(path, { read: true, write: true });
  const isLocked = await file.tryLock(true);
  // A lock on a file that has lost its name keeps nobody out.
  const found = isLocked ? await entryOf(path) : undefined;
  const { dev, ino } = await file.stat();
  if (found?.id === `${dev}:${ino}`) return file;
  file.close();
  return undefined;
}

function readBootId(): string | undefined {
  try {
    return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    return undefined; // Not Linux.
  }
}

function diskFile(path: string, file: Deno.FsFile, pace: Pace): DiskFile {
  // Where the handle stands, so that bytes in sequence cost one call instead of two.
  let position = 0;
  const moveTo = (offset: number) => {
    // Never waits for the disk, and would wait for a thread.
    if (offset !== position) position = file.seekSync(offset, Deno.SeekMode.Start);
  };
  return {
    async writeAt(bytes, offset) {
      moveTo(offset);
      const keepPlace = (count: number) => {
        position += count;
        return count;
      };
      await pace.run(
        () => {
          for (let at = 0; at < bytes.length;) at += keepPlace(file.writeSync(bytes.subarray(at)));
        },
        async () => {
          for (let at = 0; at < bytes.length;) at += keepPlace(await file.write(bytes.subarray(at)));
        },
      );
    },
    async readAt(buffer, offset) {
      moveTo(offset);
      const count = await file.read(buffer) ?? 0;
      position += count;
      return count;
    },
    truncate: (length) => file.truncate(length),
    async sync() {
      // Calls on one handle wait for each other: with its own, a slow sync does not hold up writing.
      using handle = await Deno.open(path, { read: true, write: true });
      await handle.syncData();
    },
    close: () => file.close(),
  };
}

/** The whole of a small file as text. @throws {Deno.errors.NotFound} */
export async function readText(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path);
  try {
    const bytes = new Uint8Array((await disk.stat(path))?.size ?? 0);
    let filled = 0;
    while (filled < bytes.length) {
      const count = await file.readAt(bytes.subarray(filled), filled);
      if (count === 0) break;
      filled += count;
    }
    return new TextDecoder().decode(bytes.subarray(0, filled));
  } finally {
    file.close();
  }
}

/** Removes a name that may be gone already. */
export async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Replaces a small file by new text: whole or not at all, and durably. */
export async function replaceText(disk: Disk, path: string, text: string): Promise<void> {
  const aside = `${path}.new`;
  await removeIfThere(disk, aside);
  const file = await disk.create(aside);
  try {
    await file.writeAt(new TextEncoder().encode(text), 0);
    await file.sync();
  } finally {
    file.close();
  }
  await disk.rename(aside, path);
  await disk.syncDirectory(dirname(path));
}
