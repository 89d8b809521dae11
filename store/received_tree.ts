import { dirname, join } from "@std/path";
import { makeParents } from "./directory.ts";
import type { Disk } from "./disk.ts";
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

/**
 * A directory that a peer's files are received in. Each folder of it is read once, so that a file costs no
 * look at the disk unless its name is taken.
 *
 * Two files of one peer never count as the same, whatever their names become here.
 */
export class ReceivedTree {
  readonly root: string;
  readonly #disk: Disk;
  /** What was in a folder when this run first needed it. */
  readonly #names = new Map<string, ReadonlySet<string>>();
  /** What this run has found or received, of which nothing is another file of the peer. */
  readonly #given = new Set<string>();

  /** @param root Absolute, and there. */
  constructor(disk: Disk, root: string) {
    this.root = root;
    this.#disk = disk;
  }

  /**
   * Finds out what stands where a file is to go, under its own name and the numbered ones that follow from it.
   *
   * @param relativePath From `safeRelativePath`.
   * @throws {Deno.errors.NotADirectory} A folder on the way is taken by something else, or a link.
   */
  async spotFor(relativePath: string, version: KnownVersion): Promise<Spot> {
    const names = await this.#folder(relativePath);
    let wanted: string | undefined;
    for (let number = 0;; number++) {
      const path = join(this.root, numberedName(relativePath, number));
      if (this.#given.has(path)) continue;
      wanted ??= path;
      const isTaken = names.has(path.slice(dirname(path).length + 1));
      if (isTaken && !await this.#isSame(path, version)) continue;
      this.#given.add(isTaken ? path : wanted);
      return isTaken ? { kind: "there", path } : { kind: "wanted", path: wanted };
    }
  }

  /** Notes the path that a file was received under, if it is not the one asked for. */
  received(path: string): void {
    this.#given.add(path);
  }

  /** Makes a folder, and those above it, durably. @param relativePath From `safeRelativePath`. */
  async makeFolder(relativePath: string): Promise<void> {
    await this.#folder(`${relativePath}/`);
  }

  /** The names in the folder of a path, which is made if need be. */
  async #folder(relativePath: string): Promise<ReadonlySet<string>> {
    const folder = relativePath.slice(0, relativePath.lastIndexOf("/") + 1);
    const known = this.#names.get(folder);
    if (known !== undefined) return known;
    const path = dirname(await makeParents(this.#disk, this.root, `${folder}x`));
    const names = new Set((await this.#disk.list(path)).map(({ name }) => name));
    this.#names.set(folder, names);
    return names;
  }

  async #isSame(path: string, { size, mtimeMs }: KnownVersion): Promise<boolean> {
    const found = await this.#disk.stat(path);
    return found?.kind === "file" && found.size === size &&
      (mtimeMs === undefined || found.mtimeMs === mtimeMs);
  }
}
