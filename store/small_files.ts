import { dirname, join } from "@std/path";
import { type Disk, removeIfThere } from "./disk.ts";
import { giveName } from "./publishing.ts";
import { numberedName } from "./safe_name.ts";

/** A file whose bytes are all there, and known to be right. */
export interface SmallFile {
  /** The name asked for: absolute, in a directory that is there and durable. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** In milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** Where state is kept in a directory that files are received in. */
const STATE = ".transfer";

/**
 * Stores files that come whole and many at a time, without a part and a journal for each: a file is written
 * aside, synced, and then gets its name by a link.
 *
 * Guarantees: whatever has its name is whole; what {@linkcode SmallFiles.store} has returned survives a loss
 * of power; nothing is replaced unless asked for. What a process that died has left aside is removed by the
 * next one.
 */
export class SmallFiles implements AsyncDisposable {
  readonly #disk: Disk;
  readonly #aside: string;
  readonly #lock: { close(): void };
  #count = 0;

  private constructor(disk: Disk, aside: string, lock: { close(): void }) {
    this.#disk = disk;
    this.#aside = aside;
    this.#lock = lock;
  }

  /** Makes a place aside in `directory`, which is absolute and there. Several processes may have one each. */
  static async open(disk: Disk, directory: string): Promise<SmallFiles> {
    for (let number = 0;; number++) {
      // With each try, as another process may be tidying up.
      await makeIfMissing(disk, join(directory, STATE));
      const aside = join(directory, STATE, `arriving-${number}`);
      const lock = await lockOf(disk, `${aside}.lock`);
      if (lock === undefined) continue;
      try {
        await makeIfMissing(disk, aside);
        const files = new SmallFiles(disk, aside, lock);
        await files.#clear();
        return files;
      } catch (error) {
        lock.close();
        throw error;
      }
    }
  }

  /**
   * Stores files and waits until they are durable. Calls must not overlap.
   *
   * @param options `overwrite`: replaces a file of the same name; else a taken name becomes `name (1).ext`.
   * @returns The path that each has got, in the same order; `undefined`: its directory is on another file system,
   * where nothing can be linked to, and it is not stored.
   * @throws {Error} What the file system answered. Some of them may have got their names nevertheless.
   */
  async store(
    files: readonly SmallFile[],
    { overwrite }: { readonly overwrite: boolean },
  ): Promise<readonly (string | undefined)[]> {
    const moves = files.map(({ path }) => ({ from: `${this.#aside}/${this.#count++}`, to: path }));
    await this.#disk.createWhole(
      files.map(({ bytes, mtimeMs }, index) => ({ path: moves[index]?.from ?? "", bytes, mtimeMs })),
    );
    // A name that nothing stands under, as most are, is given without a look at it.
    const moved = await this.#disk.moveToFree(moves);
    const paths: (string | undefined)[] = [];
    const directories = new Set<string>();
    for (const move of moves) {
      const given = moved.has(move) ? move.to : await this.#name(move.from, { path: move.to, overwrite });
      paths.push(given);
      if (given !== undefined) directories.add(dirname(given));
    }
    for (const directory of directories) await this.#disk.syncDirectory(directory);
    return paths;
  }

  async #name(
    aside: string,
    { path, overwrite }: { readonly path: string; readonly overwrite: boolean },
  ): Promise<string | undefined> {
    for (let number = 0;; number++) {
      const to = numberedName(path, number);
      // Only a file is ever replaced.
      const replaces = overwrite && (await this.#disk.stat(to))?.kind === "file";
      const given = await giveName(this.#disk, { from: aside, to, overwrite: replaces }).catch(
        unlessElsewhere,
      );
      if (given === "linked" || given === undefined) await this.#disk.remove(aside);
      if (given !== "taken") return given && to;
    }
  }

  async #clear(): Promise<void> {
    for (const { name } of await this.#disk.list(this.#aside)) {
      await this.#disk.remove(join(this.#aside, name));
    }
  }

  /** Removes the place aside, and what it was in if nobody else needs that. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#clear();
      await this.#disk.remove(this.#aside);
      await removeIfThere(this.#disk, `${this.#aside}.lock`);
    } finally {
      this.#lock.close();
    }
    try {
      await this.#disk.remove(dirname(this.#aside));
    } catch {
      return; // Not empty: it is somebody else's too.
    }
  }
}

function unlessElsewhere(error: unknown): undefined {
  if (!(error instanceof Error && "code" in error && error.code === "EXDEV")) throw error;
}

async function makeIfMissing(disk: Disk, path: string): Promise<void> {
  try {
    await disk.makeDirectory(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** @returns `undefined` when another process has it. */
async function lockOf(disk: Disk, path: string): Promise<{ close(): void } | undefined> {
  try {
    (await disk.create(path)).close();
  } catch (error) {
    // Who ended its run has removed the directory with it meanwhile.
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  try {
    return await disk.lock(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
