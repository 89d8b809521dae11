import { printNote, printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { NO_PROGRESS, type ProgressDisplay, showProgress } from "../terminal/progress_display.ts";
import { EXIT, type ExitCode } from "./command.ts";
import { exitOf, type FileSummary, printEnd, printInterrupted, summaryText } from "./file_get_events.ts";
import { printList } from "./file_get_list.ts";
import { entriesOn, plainNames } from "./file_get_names.ts";
import { fileGetView } from "./file_get_progress.ts";
import { FileTally } from "./file_get_tally.ts";
import type { FileFetcher, FileService } from "./file_service.ts";
import { watchInput } from "./file_get_watch.ts";

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
  const fail = (path: string, reason: string, isMissing = false) => {
    const end = { kind: "failed", path, reason, isMissing, isCorrupt: false } as const;
    tally.add(end);
    printEnd(end, { json });
  };
  let interrupted = false;
  try {
    const onMissing = (name: string) => fail(name, NOT_THERE, true);
    await fetchAll(names, { ...options, tally, onMissing });
  } catch (problem) {
    interrupted = service.signal.aborted;
    if (interrupted) printInterrupted(tally, { json });
    else {
      const reason = problem instanceof Error ? problem.message : String(problem);
      fail(tally.running?.path ?? service.name, reason);
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const summary: FileSummary = { event: "summary", ...tally.counts, seconds, interrupted };
  printResult(json ? JSON.stringify(summary) : summaryText(summary));
  return exitOf(tally, { interrupted });
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
    await fetchAll([name], { ...options, tally, onMissing: () => isMissing = true, isWatching: true });
  } catch (problem) {
    if (options.service.signal.aborted) printInterrupted(tally, options);
    throw problem;
  } finally {
    options.service.rest();
  }
  return {
    isMissing: isMissing || tally.failures.some((end) => end.isMissing),
    code: exitOf(tally, { interrupted: false }),
  };
}

async function fetchAll(
  names: readonly string[],
  options: RunOptions & { readonly onMissing: (name: string) => void },
): Promise<void> {
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
  const entriesOf = entriesOn(service);
  const seen = new Set<string>();
  for (const name of names) {
    const entries = await entriesOf(name);
    if (entries.length === 0 && name !== "") onMissing(name);
    const fresh = entries.filter(({ path }) => !seen.has(path));
    for (const { path } of fresh) seen.add(path);
    const files = fresh.filter(({ type }) => type === "file");
    tally.expect({ files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) });
    await fetcher.fetch(fresh);
  }
}

/** Options of what fetches, besides those of the command. */
interface RunOptions extends FileGetOptions {
  readonly tally: FileTally;
  /** Who watches a file of names tells once of those that are not there. */
  readonly isWatching?: boolean;
}

function fetcherOf(options: RunOptions, display: ProgressDisplay): FileFetcher {
  const { service, tally, json, isWatching = false } = options;
  return service.fetcher({
    ...options,
    onFile: (file) => tally.begin(file),
    onEnd: (end) => {
      tally.add(end);
      if (isWatching && end.kind === "failed" && end.isMissing) return;
      const isWorthALine = json || end.kind === "failed" || tally.files <= MOST_PRINTED;
      if (isWorthALine) display.above(() => printEnd(end, { json }));
    },
  });
}
