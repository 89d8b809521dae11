import { globToRegExp, isGlob } from "@std/path";
import type { CatalogueEntry } from "../store/catalogue_entries.ts";
import type { FileService } from "./file_service.ts";

/** What a name stands for on a server that lists its files: nothing, when there is no such file. */
export type EntriesOf = (name: string) => Promise<readonly CatalogueEntry[]>;

/**
 * Finds what names stand for: a file, a directory with all that is below it, or a pattern (`*`, `?`, `[a-z]`,
 * `{a,b}`, `**`), of which each match is one of these. A name that is there as it is written is no pattern.
 */
export function entriesOn(service: Pick<FileService, "list">): EntriesOf {
  let all: Promise<readonly CatalogueEntry[]> | undefined;
  return async (name) => {
    const clean = name.replace(/^(\.\/)+|\/+$/g, "");
    if (clean === "" || clean === ".") return await service.list("") ?? [];
    const found = await service.list(clean);
    if (found !== undefined) return found;
    if (!isGlob(clean)) return [];
    all ??= service.list("").then((entries) => entries ?? []);
    return matching(await all, clean);
  };
}

/** The entries that a pattern matches, and what is below the directories among them. */
export function matching(entries: readonly CatalogueEntry[], pattern: string): readonly CatalogueEntry[] {
  const matcher = matcherOf(pattern);
  const folders = new Set<string>();
  return entries.filter(({ path, type }) => {
    // A directory comes before what is below it.
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    const isFound = folders.has(parent) || matcher.test(path);
    if (isFound && type === "directory") folders.add(path);
    return isFound;
  });
}

/** What a name stands for on a plain server: itself, or as a pattern the names in its list that it matches. */
export function plainNames(listed: readonly string[], name: string): readonly string[] {
  if (listed.includes(name) || !isGlob(name)) return [name];
  const matcher = matcherOf(name);
  return listed.filter((each) => matcher.test(each));
}

/** What has the form of a pattern and is none, such as `[z-a]`, matches nothing. */
function matcherOf(pattern: string): { test(path: string): boolean } {
  try {
    return globToRegExp(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { test: () => false };
  }
}
