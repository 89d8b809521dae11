import type { CatalogueEntry } from "../store/catalogue_entries.ts";
import { printNote } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { NO_PROGRESS, type ProgressDisplay, showProgress } from "../terminal/progress_display.ts";
import { EXIT, type ExitCode } from "./command.ts";
import { fileEnd } from "./file_get_end.ts";
import { printList } from "./file_get_list.ts";
import { entriesOn, plainNames } from "./file_get_names.ts";
import { fileGetView } from "./file_get_progress.ts";
import { FileTally } from "./file_get_tally.ts";
import type { FileFetcher, FileService } from "./file_service.ts";
import { watchInput } from "./file_get_watch.ts";
import { exitOf, printEnd, printSummary } from "./transfer_events.ts";

/** What `tcp-get` and `udp-get` are to do. */
export interface FileGetOptions {
  readonly service: FileService;
  /** What to fetch; "" is all. */
  readonly names: readonly string[];
  /** A file of further names, to be read until the person ends it. */
  readonly input: string | undefined;
  /** Only shows what there is. */
  readonly list: boolean;
  /** Where to. Absolute. */
  readonly directory: string;
  /** How many equal parts the progress of a file is shown in. */
  readonly parts: number;
  readonly overwrite: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** More files than so many are not listed one by one. */
const MOST_PRINTED = 20;

/**
 * Shows or fetches what is asked for.
 *
 * @throws {ConnectionProblem} The server can't be reached for its list.
 */
export async function runFileGet(options: FileGetOptions): Promise<ExitCode> {
  const { service, names, input, list } = options;
  try {
    const isAllThere = list || names.length === 0 ? await showList(options) : true;
    if (list) return isAllThere ? EXIT.done : EXIT.failed;
    const code = names.length === 0 ? EXIT.done : await fetchNames(names, options);
    if (input === undefined || service.signal.aborted) return code;
    const watched = await watchInput(input, {
      signal: service.signal,
      fetch: (name) => fetchWatched(name, options),
    });
    return code === EXIT.done ? watched : code;
  } catch (problem) {
    if (!service.signal.aborted) throw problem;
    return EXIT.interrupted;
  }
}

/** @returns Whether there is something of each name. */
async function showList({ service, names, json }: FileGetOptions): Promise<boolean> {
  const plain = await service.plainList();
  if (plain !== undefined) {
    printList(plain, { json });
    return true;
  }
  const entriesOf = entriesOn(service);
  let isAllThere = true;
  for (const name of names.length === 0 ? [""] : names) {
    const entries = await entriesOf(name);
    printList(entries, { json });
    if (entries.length > 0 || name === "") continue;
    isAllThere = false;
    printNote(`${printable(name)}: ${NOT_THERE}`);
  }
  return isAllThere;
}

/** Fetches what names stand for, and tells how that went. */
async function fetchNames(names: readonly string[], options: FileGetOptions): Promise<ExitCode> {
  const { service, json } = options;
  const startedMs = performance.now();
  const tally = new FileTally();
  const fail = (file: string, error: string) => {
    const end = { event: "failed", file, error } as const;
    tally.add(end);
    printEnd(end, { json });
  };
  let interrupted = false;
  try {
    const onMissing = (name: string) => fail(name, NOT_THERE);
    await fetchAll(names, { ...options, tally, onMissing });
  } catch (problem) {
    interrupted = service.signal.aborted;
    if (interrupted) tellInterrupted(tally, { json });
    else {
      const reason = problem instanceof Error ? problem.message : String(problem);
      fail(tally.running?.path ?? service.name, reason);
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const summary = tally.ends.summary({ seconds, interrupted });
  printSummary(summary, { json });
  return exitOf(summary, tally.ends);
}

const NOT_THERE = "It is not on the server";

/** Fetches one name of an input file. @returns What became of it. */
async function fetchWatched(
  name: string,
  options: FileGetOptions,
): Promise<{ readonly isMissing: boolean; readonly code: ExitCode }> {
  const tally = new FileTally();
  let isMissing = false;
  try {
    const onMissing = () => isMissing = true;
    await fetchAll([name], { ...options, tally, onMissing, isWatching: true });
  } catch (problem) {
    if (options.service.signal.aborted) tellInterrupted(tally, options);
    throw problem;
  } finally {
    options.service.rest();
  }
  return { isMissing, code: exitOf(tally.ends.summary({ seconds: 0, interrupted: false }), tally.ends) };
}

/** Tells of the file that was under way when the run was ended. */
function tellInterrupted({ running }: FileTally, { json }: { readonly json: boolean }): void {
  if (running === undefined) return;
  printEnd({ event: "interrupted", file: running.path, keptBytes: running.written.bytes }, { json });
}

async function fetchAll(names: readonly string[], options: RunOptions): Promise<void> {
  const { service, tally, json, quiet, parts, onMissing } = options;
  using display = quiet || json ? NO_PROGRESS : showProgress(fileGetView(tally, { parts }));
  await using fetcher = fetcherOf(options, display);
  const plain = await service.plainList();
  if (plain !== undefined) {
    const listed = plain.map(({ name }) => name);
    const found = [...new Set(names.flatMap((name) => name === "" ? listed : plainNames(listed, name)))];
    tally.expect({ files: found.length, bytes: 0 });
    for (const name of found) await fetcher.fetchPlain(name);
    return;
  }
  // All is listed before any is fetched, so that progress tells of the whole.
  const groups: (readonly CatalogueEntry[])[] = [];
  const entriesOf = entriesOn(service);
  const seen = new Set<string>();
  for (const name of names) {
    const entries = await entriesOf(name);
    if (entries.length === 0 && name !== "") display.above(() => onMissing(name));
    const fresh = entries.filter(({ path }) => !seen.has(path));
    for (const { path } of fresh) seen.add(path);
    const files = fresh.filter(({ type }) => type === "file");
    tally.expect({ files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) });
    groups.push(fresh);
  }
  for (const group of groups) await fetcher.fetch(group);
}

/** Options of what fetches, besides those of the command. */
interface RunOptions extends FileGetOptions {
  readonly tally: FileTally;
  /** Told of a name that the server does not have. */
  readonly onMissing: (name: string) => void;
  /** Who watches a file of names tells once of those that are not there. */
  readonly isWatching?: boolean;
}

function fetcherOf(options: RunOptions, display: ProgressDisplay): FileFetcher {
  const { service, tally, json, onMissing, isWatching = false } = options;
  let begun: { readonly path: string; readonly atMs: number } | undefined;
  return service.fetcher({
    ...options,
    onFile(file) {
      begun = { path: file.path, atMs: performance.now() };
      tally.begin(file);
    },
    onEnd(fetched) {
      const atMs = begun?.path === fetched.path ? begun.atMs : undefined;
      const end = fileEnd(fetched, atMs === undefined ? undefined : (performance.now() - atMs) / 1000);
      tally.add(end);
      if (isWatching && fetched.kind === "failed" && fetched.isMissing) return onMissing(fetched.path);
      const isWorthALine = json || end.event === "failed" || tally.files <= MOST_PRINTED;
      if (isWorthALine) display.above(() => printEnd(end, { json }));
    },
  });
}
