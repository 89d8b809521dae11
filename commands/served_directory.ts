import { printable } from "../terminal/printable.ts";
import { UsageError } from "./command.ts";

/** What is served when nothing is named; made when it is not there, as nobody can have mistyped it. */
export const DEFAULT_DIRECTORY = "resources";

/**
 * The directory that a command is to serve.
 *
 * @throws {UsageError} More than one was named.
 * @throws {Error} What was named is no directory.
 */
export async function servedDirectory(args: readonly string[]): Promise<string> {
  const [given, extra] = args;
  if (extra !== undefined) throw new UsageError(`Unexpected argument: ${printable(extra)}`);
  if (given === undefined) await Deno.mkdir(DEFAULT_DIRECTORY, { recursive: true });
  const dir = given ?? DEFAULT_DIRECTORY;
  try {
    if ((await Deno.stat(dir)).isDirectory) return dir;
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such directory" : String(error);
    throw new Error(`${printable(dir)} can't be served: ${why}`, { cause: error });
  }
  throw new Error(`${printable(dir)} can't be served: it is no directory`);
}
