/**
 * What storing needs of a file system. There are two: {@linkcode realDisk}, and one in the tests that
 * loses power and with it whatever was not synced. Paths are absolute.
 */

import { statfs } from "node:fs/promises";
import { dirname } from "@std/path";

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
   * Creates a whole file, last written to at `mtimeMs` (milliseconds since 1970), and waits until all of it is
   * on disk. Several may be under way at a time.
   *
   * @throws {Deno.errors.AlreadyExists} The name is taken.
   * @throws {Error} Some of it may be there nevertheless.
   */
  createWhole(path: string, bytes: Uint8Array, mtimeMs: number): Promise<void>;
  /** @throws {Deno.errors.NotFound} */
  open(path: string): Promise<DiskFile>;
  /** @returns What stands there; `undefined` when nothing does. */
  stat(path: string): Promise<DiskEntry | undefined>;
  list(directory: string): Promise<readonly { readonly name: string; readonly kind: DiskEntry["kind"] }[]>;
  /** @throws {Deno.errors.AlreadyExists} */
  makeDirectory(path: string): Promise<void>;
  /** Gives a file a second name. @throws {Deno.errors.AlreadyExists} The name is taken. */
  link(from: string, to: string): Promise<void>;
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
    createWhole(path, bytes, mtimeMs) {
      return pace.run(() => storeWholeSync(path, bytes, mtimeMs), () => storeWhole(path, bytes, mtimeMs));
    },
    stat: entryOf,
    async list(directory) {
      const entries = [];
      for await (const { name, isFile, isDirectory } of Deno.readDir(directory)) {
        entries.push({ name, kind: isFile ? "file" : isDirectory ? "directory" : "other" } as const);
      }
      return entries;
    },
    makeDirectory: (path) => Deno.mkdir(path),
    link: (from, to) => pace.run(() => Deno.linkSync(from, to), () => Deno.link(from, to)),
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
  try {
    const { isFile, isDirectory, size, dev, ino, mtime } = await Deno.lstat(path);
    const kind = isFile ? "file" : isDirectory ? "directory" : "other";
    return { kind, size, id: `${dev}:${ino}`, mtimeMs: mtime?.getTime() ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
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

/** A call that took longer, in milliseconds, did not go to memory alone. */
const QUICK_MS = 4;
const CALLS_AFTER_SLOW = 64;

/**
 * Whether calls are done at once. After a slow one the next are left to other threads, which costs a short one
 * many times its time, and holds nothing up.
 */
class Pace {
  #leftToThreads = 0;

  /** Does what both do, in the one way or the other. */
  async run(atOnce: () => void, inThread: () => Promise<void>): Promise<void> {
    if (this.#leftToThreads > 0) {
      this.#leftToThreads--;
      return await inThread();
    }
    const startedMs = performance.now();
    try {
      atOnce();
    } finally {
      if (performance.now() - startedMs > QUICK_MS) this.#leftToThreads = CALLS_AFTER_SLOW;
    }
  }
}

function storeWholeSync(path: string, bytes: Uint8Array, mtimeMs: number): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.utimeSync(new Date(), new Date(mtimeMs));
  // Not its data alone: the time belongs to what the file is recognised by.
  file.syncSync();
}

async function storeWhole(path: string, bytes: Uint8Array, mtimeMs: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.utime(new Date(), new Date(mtimeMs));
  await file.sync();
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
