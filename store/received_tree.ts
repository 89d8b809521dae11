import { dirname, join } from "@std/path";
import { makeParents } from "./directory.ts";
import type { Disk } from "./disk.ts";
import { pathBelow } from "./offered_path.ts";
import { numberedName } from "./safe_name.ts";

/** What a file is taken to be the same by. */
export interface KnownVersion {
  /** In bytes. */
  readonly size: number;
  /** In milliseconds since 1970; `undefined`: the peer does not tell. */
  readonly mtimeMs: number | undefined;
}

/** What stands where a peer's file is to go. */
export type Spot =
  /** The same file, from an earlier run. */
  | { readonly kind: "there"; readonly path: string }
  /** Nothing, or another file. `path` is the name to ask for; its directory is there. */
  | { readonly kind: "wanted"; readonly path: string };

interface Folder {
  readonly names: ReadonlySet<string>;
  readonly hasParts: boolean;
}

/**
 * A directory that a peer's files are received in. Each folder of it is read once, so that a file costs no
 * look at the disk unless its name is taken.
 *
 * Two files of one peer never count as the same, whatever their names become here.
 */
export class ReceivedTree {
  readonly root: string;
  readonly #disk: Disk;
  /** What was in each folder when this run first needed it, by the folder's path. */
  readonly #folders = new Map<string, Folder>();
  /** What this run has found or received, of which nothing is another file of the peer. */
  readonly #given = new Set<string>();
  /** The numbers of a name below this one are all given. Else many files of one name would cost a square of them. */
  readonly #freeFrom = new Map<string, number>();

  /** @param root Absolute, and there. */
  constructor(disk: Disk, root: string) {
    this.root = join(root, ".");
    this.#disk = disk;
  }

  /**
   * Finds out what stands where a file is to go, under its own name and the numbered ones that follow from it.
   *
   * @param relativePath From `safeRelativePath`.
   * @throws {Deno.errors.NotADirectory} A folder on the way is taken by something else, or a link.
   */
  async spotFor(relativePath: string, version: KnownVersion): Promise<Spot> {
    const { names } = await this.#folder(relativePath);
    let wanted: string | undefined;
    for (let number = this.#freeFrom.get(relativePath) ?? 0;; number++) {
      const numbered = numberedName(relativePath, number);
      const path = pathBelow(this.root, numbered);
      if (this.#given.has(path)) {
        if (wanted === undefined) this.#freeFrom.set(relativePath, number + 1);
        continue;
      }
      wanted ??= path;
      const isTaken = names.has(numbered.slice(numbered.lastIndexOf("/") + 1));
      if (isTaken && !await this.#isSame(path, version)) continue;
      this.#given.add(isTaken ? path : wanted);
      return isTaken ? { kind: "there", path } : { kind: "wanted", path: wanted };
    }
  }

  /**
   * As {@linkcode spotFor}, of a file in a folder that was read before, where nothing has its name: what most
   * files are, told without a promise.
   *
   * @returns The name to ask for; `undefined`: {@linkcode spotFor} tells.
   */
  freeSpot(relativePath: string): string | undefined {
    const names = this.#folders.get(this.#folderPath(relativePath))?.names;
    if (names === undefined || names.has(relativePath.slice(relativePath.lastIndexOf("/") + 1))) {
      return undefined;
    }
    const path = pathBelow(this.root, relativePath);
    if (this.#given.has(path)) return undefined;
    this.#given.add(path);
    return path;
  }

  /** Notes the path that a file was received under, if it is not the one asked for. */
  received(path: string): void {
    this.#given.add(path);
  }

  /** Whether the folder of a file that was looked for held parts of earlier runs. */
  mayHaveParts(path: string): boolean {
    return this.#folders.get(dirname(path))?.hasParts ?? false;
  }

  /** Makes a folder, and those above it, durably. @param relativePath From `safeRelativePath`. */
  async makeFolder(relativePath: string): Promise<void> {
    await this.#folder(`${relativePath}/`);
  }

  /** The folder that a path is in, which is made if need be. */
  async #folder(relativePath: string): Promise<Folder> {
    const path = this.#folderPath(relativePath);
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    await makeParents(this.#disk, this.root, relativePath);
    const names = new Set((await this.#disk.list(path)).map(({ name }) => name));
    const found = { names, hasParts: names.values().some((name) => name.endsWith(".part.journal")) };
    this.#folders.set(path, found);
    return found;
  }

  #folderPath(relativePath: string): string {
    const end = relativePath.lastIndexOf("/");
    return end === -1 ? this.root : pathBelow(this.root, relativePath.slice(0, end));
  }

  async #isSame(path: string, { size, mtimeMs }: KnownVersion): Promise<boolean> {
    const found = await this.#disk.stat(path);
    return found?.kind === "file" && found.size === size &&
      (mtimeMs === undefined || found.mtimeMs === mtimeMs);
  }
}
