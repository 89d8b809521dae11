import { setTimeout as delay } from "node:timers/promises";
import { ConnectionProblem } from "../net/connection_problem.ts";
import { printNote } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { EXIT, type ExitCode } from "./command.ts";
import { WantedNames } from "./wanted_names.ts";

/** How often the file of names is read, in milliseconds. The protocol's. */
const READ_MS = 5_000;
/** A longer file is no list of names. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Options of {@linkcode watchInput}. */
export interface WatchOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Fetches a name. @throws {ConnectionProblem} The server is away: the name is tried again. */
  readonly fetch: (name: string) => Promise<{ readonly isMissing: boolean; readonly code: ExitCode }>;
  /** How often to read. Default: every 5 s. */
  readonly readMs?: number | undefined;
}

/**
 * Fetches what a file names, in its order, and reads it again for what is new until the person ends that. What
 * stands still when that happens is no loss: the exit code is that of what was fetched.
 *
 * @throws The reason of the signal, when it comes while a file is being fetched.
 */
export async function watchInput(
  path: string,
  { signal, fetch, readMs = READ_MS }: WatchOptions,
): Promise<ExitCode> {
  const wanted = new WantedNames();
  const note = notesOnce();
  let worst: ExitCode = EXIT.done;
  while (!signal.aborted) {
    const list = await readList(path, note);
    for (const name of wanted.pending(list)) {
      try {
        const { isMissing, code } = await fetch(name);
        note.clear("server");
        if (!isMissing) wanted.settle(name);
        else if (wanted.missing(name)) printNote(`${printable(name)}: It is not on the server`);
        if (!isMissing) worst = Math.max(worst, code) === code ? code : worst;
      } catch (problem) {
        signal.throwIfAborted();
        if (!(problem instanceof ConnectionProblem) || problem.isFinal) throw problem;
        note.print("server", `${problem.message}; it is tried again every ${readMs / 1000} s`);
        break;
      }
    }
    await delay(readMs, undefined, { signal }).catch(() => {});
  }
  return worst;
}

/** The text of the file; "" while it can't be read. */
async function readList(path: string, note: Notes): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MOST_BYTES) throw new Error(`${size} bytes are too many for a list of names`);
    const list = await Deno.readTextFile(path);
    note.clear("input");
    return list;
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    const why = isMissing
      ? "waiting for it; Ctrl+C ends"
      : error instanceof Error
      ? error.message
      : String(error);
    note.print("input", `${path}: ${why}`);
    return "";
  }
}

interface Notes {
  print(subject: string, text: string): void;
  /** The trouble is over: the next is news. */
  clear(subject: string): void;
}

/** Prints a trouble when it begins, not as long as it lasts. */
function notesOnce(): Notes {
  const printed = new Map<string, string>();
  return {
    print(subject, text) {
      if (printed.get(subject) === text) return;
      printed.set(subject, text);
      printNote(printable(text));
    },
    clear: (subject) => void printed.delete(subject),
  };
}
