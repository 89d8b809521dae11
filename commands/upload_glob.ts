import { globToRegExp, isGlob, join } from "@std/path";

/** An entry of a directory that a pattern matches, or a directory on the way that can't be read. */
export type Match =
  | {
    readonly kind: "entry";
    readonly path: string;
    /** Its path below the part of the pattern that matches only itself, with `/`. */
    readonly name: string;
    readonly entry: Deno.DirEntry;
  }
  | { readonly kind: "unreadable"; readonly path: string; readonly error: unknown };

/** Where a pattern is looked for, and what for, one part of it a directory level. */
interface Search {
  readonly dir: string;
  /** Of `dir`, as in {@linkcode Match}; empty at the start. */
  readonly name: string;
  readonly parts: readonly string[];
}

/**
 * What a pattern matches, sorted: `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any number of directories. As in
 * a shell, no wildcard matches a name that starts with a dot, and `**` follows no links.
 */
export async function* matchesOf(pattern: string): AsyncGenerator<Match> {
  const parts = pattern.split("/");
  const first = parts.findIndex((part) => isGlob(part));
  // Only braces with a slash in them are no pattern in any part; they match nothing.
  if (first < 0) return;
  // "" before a leading slash is the root.
  const dir = parts.slice(0, first).join("/") || (first > 0 ? "/" : ".");
  yield* search({ dir, name: "", parts: parts.slice(first).filter((part) => part !== "") });
}

async function* search({ dir, name, parts: [part = "", ...rest] }: Search): AsyncGenerator<Match> {
  const isAnyDepth = part === "**";
  if (isAnyDepth && rest.length > 0) yield* search({ dir, name, parts: rest });
  const matcher = globToRegExp(isAnyDepth ? "*" : part);
  let entries: Deno.DirEntry[];
  try {
    entries = await sortedEntries(dir);
  } catch (error) {
    // What is not there, or is a file, is no match and no failure either.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return;
    return yield { kind: "unreadable", path: dir, error };
  }
  for (const entry of entries) {
    if (!matcher.test(entry.name) || (entry.name.startsWith(".") && !part.startsWith("."))) continue;
    const found = { path: join(dir, entry.name), name: name === "" ? entry.name : `${name}/${entry.name}` };
    if (rest.length === 0) yield { kind: "entry", ...found, entry };
    else if (isAnyDepth && entry.isDirectory) {
      yield* search({ dir: found.path, name: found.name, parts: [part, ...rest] });
    } else if (!isAnyDepth) yield* search({ dir: found.path, name: found.name, parts: rest });
  }
}

/** The entries of a directory by name, in the order of their UTF-16 code units: the same everywhere. */
export async function sortedEntries(dir: string): Promise<Deno.DirEntry[]> {
  const entries = await Array.fromAsync(Deno.readDir(dir));
  return entries.sort((a, b) => a.name < b.name ? -1 : 1);
}
