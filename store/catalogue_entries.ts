/** A file or directory that is offered. */
export interface CatalogueEntry {
  /** Relative, with "/" between its parts. */
  readonly path: string;
  readonly type: "file" | "directory";
  /** Bytes; 0 of a directory. */
  readonly size: number;
  /** When it was last changed, in whole milliseconds since 1970. */
  readonly mtimeMs: number;
}

/** Entries of a tree, by path and in order. A core without I/O. */
export class CatalogueEntries {
  readonly #byPath = new Map<string, CatalogueEntry>();
  /** Made when somebody asks, and replaced, never changed: who goes through an old one can go on. */
  #sorted: readonly string[] | undefined;

  /** How many there are. */
  get size(): number {
    return this.#byPath.size;
  }

  /** The entry of exactly this path. */
  get(path: string): CatalogueEntry | undefined {
    return this.#byPath.get(path);
  }

  /** The paths at and below one ("": all), sorted by their UTF-16 code units. */
  pathsBelow(path: string): readonly string[] {
    const sorted = this.#sorted ??= [...this.#byPath.keys()].sort();
    if (path === "") return sorted;
    // "0" is the character behind "/".
    const below = sorted.slice(firstFrom(sorted, `${path}/`), firstFrom(sorted, `${path}0`));
    return this.#byPath.has(path) ? [path, ...below] : below;
  }

  /**
   * Makes the entries at and below a path ("": all) be the ones given, with one exception: what is there
   * already as it was found keeps its object.
   *
   * @returns Whether anything is different now.
   */
  replaceBelow(path: string, found: ReadonlyMap<string, CatalogueEntry>): boolean {
    let isDifferent = false;
    // Most changes are to one file: no need to go through all of them.
    const isLeaf = path !== "" && this.#byPath.get(path)?.type !== "directory";
    for (const known of isLeaf ? [path] : this.pathsBelow(path)) {
      if (!found.has(known) && this.#byPath.delete(known)) {
        this.#sorted = undefined;
        isDifferent = true;
      }
    }
    for (const entry of found.values()) {
      const known = this.#byPath.get(entry.path);
      if (known !== undefined && isSame(known, entry)) continue;
      if (known === undefined) this.#sorted = undefined;
      this.#byPath.set(entry.path, entry);
      isDifferent = true;
    }
    return isDifferent;
  }
}

function isSame(one: CatalogueEntry, other: CatalogueEntry): boolean {
  return one.type === other.type && one.size === other.size && one.mtimeMs === other.mtimeMs;
}

/** Index of the first text that is not before `text`. */
function firstFrom(sorted: readonly string[], text: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
