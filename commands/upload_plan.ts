import { basename, isGlob, join, resolve } from "@std/path";
import { matchesOf, sortedEntries } from "./upload_glob.ts";

/** One step of what a command line asks to upload. */
export type Planned =
  | {
    readonly kind: "file";
    readonly path: string;
    /** What it is to be called on the server: a relative path with `/`. */
    readonly name: string;
  }
  /** Something that was asked for and can't be had. */
  | { readonly kind: "failed"; readonly path: string; readonly error: string }
  /** Something that is passed over on purpose, to be told. */
  | { readonly kind: "skipped"; readonly path: string; readonly reason: string };

/** Whether arguments name one file, and could not name more: no directory, no pattern. */
export async function isOneFile(paths: readonly string[]): Promise<boolean> {
  const [path, ...others] = paths;
  return path !== undefined && others.length === 0 && await kindOf(path) === "file";
}

/**
 * What arguments stand for: files, everything below directories, and what patterns match; sorted within
 * each argument, and every file once. Nothing is opened, and directories are read as their turn comes.
 *
 * A file keeps its own name, and one below a directory the path from that directory's own name on; one
 * that a pattern matches keeps the path below the part of the pattern that has no wildcard.
 */
export async function* planUploads(paths: readonly string[]): AsyncGenerator<Planned> {
  const seen = new Set<string>();
  // Links are not followed below a directory, so one alone holds nothing twice.
  const canRepeat = paths.length > 1 || paths.some((path) => isGlob(path));
  for (const path of paths) {
    for await (const planned of planOne(path)) {
      if (planned.kind === "file" && canRepeat) {
        const real = await Deno.realPath(planned.path).catch(() => planned.path);
        if (seen.has(real)) continue;
        seen.add(real);
      }
      yield planned;
    }
  }
}

async function* planOne(path: string): AsyncGenerator<Planned> {
  switch (await kindOf(path)) {
    case "file":
      return yield { kind: "file", path, name: basename(path) };
    case "directory":
      return yield* walk(path, basename(resolve(path)));
    case "pattern":
      return yield* planPattern(path);
  }
}

/** What exists is what it is, also when its name looks like a pattern; what can't be found is a file. */
async function kindOf(path: string): Promise<"file" | "directory" | "pattern"> {
  try {
    return (await Deno.stat(path)).isDirectory ? "directory" : "file";
  } catch {
    // Why it can't be opened is told when its turn has come.
    return isGlob(path) ? "pattern" : "file";
  }
}

async function* planPattern(pattern: string): AsyncGenerator<Planned> {
  let isMatched = false;
  for await (const match of matchesOf(pattern)) {
    isMatched = true;
    if (match.kind === "entry") yield* planEntry(match.entry, match.path, match.name);
    else yield { kind: "failed", path: match.path, error: explainFileError(match.error) };
  }
  if (!isMatched) yield { kind: "failed", path: pattern, error: "Nothing matches this pattern" };
}

async function* walk(dir: string, name: string): AsyncGenerator<Planned> {
  let entries: Deno.DirEntry[];
  try {
    entries = await sortedEntries(dir);
  } catch (error) {
    return yield { kind: "failed", path: dir, error: explainFileError(error) };
  }
  if (entries.length === 0) yield { kind: "skipped", path: dir, reason: "an empty directory" };
  for (const entry of entries) {
    yield* planEntry(entry, join(dir, entry.name), name === "" ? entry.name : `${name}/${entry.name}`);
  }
}

async function* planEntry(entry: Deno.DirEntry, path: string, name: string): AsyncGenerator<Planned> {
  if (entry.isSymlink) yield { kind: "skipped", path, reason: "a link; name it to send what it points to" };
  else if (entry.isDirectory) yield* walk(path, name);
  else if (entry.isFile) yield { kind: "file", path, name };
  else yield { kind: "skipped", path, reason: "no regular file" };
}

/** Why a file can't be read, in words. */
export function explainFileError(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "There is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "It may not be read by this user";
  return error instanceof Error ? error.message : String(error);
}
