import { basename, dirname, join, resolve } from "@std/path";
import { splitCredentials } from "../protocols/http_ranges/credentials.ts";
import { safeRelativePath } from "../store/safe_name.ts";
import { printable } from "../terminal/printable.ts";
import { UsageError } from "./command.ts";
import { fileProblem } from "./file_problem.ts";
import { httpUrl } from "./flag_values.ts";

/** A file to fetch, and where it goes. */
export interface PlannedFetch {
  /** May hold user and password: see {@linkcode shownUrl}. */
  readonly url: string;
  /** Absolute. */
  readonly directory: string;
  /** Without one it comes from the server. */
  readonly name: string | undefined;
}

/**
 * What the arguments and the file of `--input` ask for, in order, each URL once.
 *
 * @throws {UsageError} One of them is no URL, there are none, or `--out` can't be meant so.
 */
export async function planFetches(
  args: readonly string[],
  { input, out }: { readonly input: string | undefined; readonly out: string | undefined },
): Promise<readonly PlannedFetch[]> {
  const listed = input === undefined ? [] : await listedUrls(input);
  const urls = [...new Set([...args.map((arg) => parsed(arg, "argument")), ...listed])];
  if (urls.length === 0) throw new UsageError("Name a URL to fetch, or a file of them with --input");
  const place = await placeOf(out, urls.length);
  return urls.map((url) => ({ url, ...place }));
}

/** A URL without user and password, to be printed. */
export function shownUrl(url: string): string {
  return printable(splitCredentials(new URL(url)).url.href);
}

async function listedUrls(path: string): Promise<string[]> {
  let text: string;
  try {
    text = path === "-" ? await new Response(Deno.stdin.readable).text() : await Deno.readTextFile(path);
  } catch (error) {
    throw new UsageError(`--input ${printable(path)} can't be read: ${fileProblem(error)}`, { cause: error });
  }
  const numbered = text.split("\n").map((line, index) => ({ line: line.trim(), number: index + 1 }));
  return numbered.filter(({ line }) => line !== "" && !line.startsWith("#"))
    .map(({ line, number }) => parsed(line, `line ${number} of ${printable(path)}`));
}

function parsed(text: string, source: string): string {
  try {
    return httpUrl(text);
  } catch (error) {
    // What is no URL may still hold a password.
    const shown = text.includes("@") ? "" : `, got ${JSON.stringify(text)}`;
    throw new UsageError(`${source}: expected ${error instanceof Error ? error.message : ""}${shown}`, {
      cause: error,
    });
  }
}

async function placeOf(out: string | undefined, count: number): Promise<Omit<PlannedFetch, "url">> {
  if (out === undefined) return { directory: Deno.cwd(), name: undefined };
  const isDirectory = /[/\\]$/.test(out) || await isExistingDirectory(out);
  if (isDirectory || count > 1) return { directory: resolve(out), name: undefined };
  const name = basename(out);
  const safe = safeRelativePath(name);
  if (safe !== name) {
    const instead = safe === undefined ? "" : `, ${join(dirname(out), safe)} is`;
    throw new UsageError(`--out: ${printable(out)} is no name that every system takes${printable(instead)}`);
  }
  return { directory: resolve(dirname(out)), name };
}

async function isExistingDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
