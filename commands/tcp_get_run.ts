import { printed } from "../net/dial.ts";
import { TreeFetch } from "../protocols/tcp_file/fetch_tree.ts";
import { parsePlainList } from "../protocols/tcp_file/plain_client.ts";
import type { Remote } from "../protocols/tcp_file/remote.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { NO_PROGRESS, type ProgressDisplay, showProgress } from "../terminal/progress_display.ts";
import { EXIT, type ExitCode } from "./command.ts";
import { exitOf, printEnd, printInterrupted, summaryText, type TcpSummary } from "./tcp_get_events.ts";
import { printList } from "./tcp_get_list.ts";
import { entriesOn, plainNames } from "./tcp_get_names.ts";
import { tcpGetView } from "./tcp_get_progress.ts";
import { TcpTally } from "./tcp_get_tally.ts";
import { watchInput } from "./tcp_get_watch.ts";

/** What `tcp-get` is to do. */
export interface TcpGetOptions {
  readonly remote: Remote;
  /** What to fetch; "" is all. */
  readonly names: readonly string[];
  /** A file of further names, to be read until the person ends it. */
  readonly input: string | undefined;
  /** Only shows what there is. */
  readonly list: boolean;
  /** Where to. Absolute. */
  readonly directory: string;
  readonly connections: number;
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
export async function runTcpGet(options: TcpGetOptions): Promise<ExitCode> {
  const { remote, names, input, list } = options;
  try {
    const isAllThere = list || names.length === 0 ? await showList(options) : true;
    if (list) return isAllThere ? EXIT.done : EXIT.failed;
    const code = names.length === 0 ? EXIT.done : await fetchNames(names, options);
    if (input === undefined || remote.signal.aborted) return code;
    const watched = await watchInput(input, {
      signal: remote.signal,
      fetch: (name) => fetchWatched(name, options),
    });
    return code === EXIT.done ? watched : code;
  } catch (problem) {
    if (!remote.signal.aborted) throw problem;
    return EXIT.interrupted;
  }
}

/** @returns Whether there is something of each name. */
async function showList({ remote, names, json }: TcpGetOptions): Promise<boolean> {
  const connection = await remote.connect();
  remote.release(connection);
  if (connection.kind === "plain") {
    printList(parsePlainList(connection.list), { json });
    return true;
  }
  const entriesOf = entriesOn(remote);
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
async function fetchNames(names: readonly string[], options: TcpGetOptions): Promise<ExitCode> {
  const { remote, json } = options;
  const startedMs = performance.now();
  const tally = new TcpTally();
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
    interrupted = remote.signal.aborted;
    if (interrupted) printInterrupted(tally, { json });
    else {
      const reason = problem instanceof Error ? problem.message : String(problem);
      fail(tally.running?.path ?? printed(remote.access.endpoint), reason);
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const summary: TcpSummary = { event: "summary", ...tally.counts, seconds, interrupted };
  printResult(json ? JSON.stringify(summary) : summaryText(summary));
  return exitOf(tally, { interrupted });
}

const NOT_THERE = "It is not on the server";

/** Fetches one name of an input file. @returns What became of it. */
async function fetchWatched(
  name: string,
  options: TcpGetOptions,
): Promise<{ readonly isMissing: boolean; readonly code: ExitCode }> {
  const tally = new TcpTally();
  let isMissing = false;
  try {
    await fetchAll([name], { ...options, tally, onMissing: () => isMissing = true, isWatching: true });
  } catch (problem) {
    if (options.remote.signal.aborted) printInterrupted(tally, options);
    throw problem;
  } finally {
    // A server has no use for connections that do nothing until the next name.
    options.remote[Symbol.dispose]();
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
  const { remote, tally, json, quiet, connections, onMissing } = options;
  using display = quiet || json ? NO_PROGRESS : showProgress(tcpGetView(tally, { parts: connections }));
  await using tree = treeFetch(options, display);
  const first = await remote.connect();
  remote.release(first);
  if (first.kind === "plain") {
    const listed = parsePlainList(first.list).map(({ name }) => name);
    const found = [...new Set(names.flatMap((name) => name === "" ? listed : plainNames(first, name)))];
    tally.expect({ files: found.length, bytes: 0 });
    for (const name of found) await tree.fetchPlain(name);
    return;
  }
  const entriesOf = entriesOn(remote);
  const seen = new Set<string>();
  for (const name of names) {
    const entries = await entriesOf(name);
    if (entries.length === 0 && name !== "") onMissing(name);
    const fresh = entries.filter(({ path }) => !seen.has(path));
    for (const { path } of fresh) seen.add(path);
    const files = fresh.filter(({ type }) => type === "file");
    tally.expect({ files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) });
    await tree.fetch(fresh);
  }
}

/** Options of what fetches, besides those of the command. */
interface RunOptions extends TcpGetOptions {
  readonly tally: TcpTally;
  /** Who watches a file of names tells once of those that are not there. */
  readonly isWatching?: boolean;
}

function treeFetch(options: RunOptions, display: ProgressDisplay): TreeFetch {
  const { tally, json, isWatching = false } = options;
  return new TreeFetch({
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
