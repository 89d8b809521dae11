import { join } from "@std/path";
import type { CatalogueEntry } from "./catalogue_entries.ts";
import { findOffered, isOfferableName, modifiedMs, pathBelow } from "./offered_path.ts";
import { Turns } from "./turns.ts";

/** Options of {@linkcode scan}. */
export interface ScanOptions {
  /** Absolute, with links followed. */
  readonly root: string;
  /** Paths below the root of what is not offered, though it could be. */
  readonly exclude: ReadonlySet<string>;
  /** Most entries that are looked for. */
  readonly maxEntries: number;
}

/**
 * Looks at what stands at and below a path ("": the root).
 *
 * It calls the file system synchronously, which takes a tenth of the time (2 µs a file instead of 20), and
 * stops for others every few milliseconds.
 *
 * @returns At most `maxEntries` entries by path, without one for the root itself.
 */
export async function scan(path: string, options: ScanOptions): Promise<Map<string, CatalogueEntry>> {
  const found = new Map<string, CatalogueEntry>();
  const { root, exclude } = options;
  const waiting = [path];
  const turns = new Turns();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const entry = next === "" ? undefined : look(next, { root, exclude, isFolderReal: next !== path });
    if (entry !== undefined) found.set(next, entry);
    if (next === "" || entry?.type === "directory") {
      for (const name of namesIn(join(root, next))) {
        if (found.size + waiting.length >= options.maxEntries) break;
        waiting.push(next === "" ? name : `${next}/${name}`);
      }
    }
    if (turns.isOver) await turns.next();
  }
  return found;
}

/** @param options `isFolderReal`: the folder was just seen to be no link, nor are those above it. */
function look(
  path: string,
  { root, exclude, isFolderReal }: Pick<ScanOptions, "root" | "exclude"> & { readonly isFolderReal: boolean },
): CatalogueEntry | undefined {
  if (exclude.has(path)) return undefined;
  const named = pathBelow(root, path);
  const info = (isFolderReal ? lookAtOnce(named) : undefined) ?? findOffered(root, path)?.info;
  if (info === undefined) return undefined;
  const mtimeMs = modifiedMs(info);
  return info.isFile
    ? { path, type: "file", size: info.size, mtimeMs }
    : { path, type: "directory", size: 0, mtimeMs };
}

/** What most names are: a file or a directory, for which one call is enough. */
function lookAtOnce(named: string): Deno.FileInfo | undefined {
  try {
    const info = Deno.lstatSync(named);
    return info.isFile || info.isDirectory ? info : undefined;
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name).filter(isOfferableName);
  } catch {
    return []; // Gone meanwhile, or not to be read.
  }
}
