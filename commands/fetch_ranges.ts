import { type DownloadOptions, type RunningDownload } from "../protocols/http_ranges/running_download.ts";
import { startDownload } from "../protocols/http_ranges/download.ts";
import { listenForKeys, printKeys } from "../terminal/keys.ts";
import { printNote } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { showProgress } from "../terminal/progress_display.ts";
import { type Command, defineCommand, type ExitCode, UsageError } from "./command.ts";
import type { FileEndEvent } from "./event_schemas.ts";
import { fetchEnd } from "./fetch_end.ts";
import { planFetches, type PlannedFetch, shownUrl } from "./fetch_plan.ts";
import { type FetchRun, fetchView } from "./fetch_progress.ts";
import {
  byteSizeBetween,
  credentials,
  duration,
  sha256Checksum,
  text,
  toggle,
  urls,
  wholeNumber,
} from "./flag_values.ts";
import { OUTPUT_FLAGS } from "./output_flags.ts";
import { headers, proxyUrl } from "./request_flag_values.ts";
import { trusted } from "./tls_flags.ts";
import { exitOf, printEnd, printSummary } from "./transfer_events.ts";
import { TransferTally } from "./transfer_tally.ts";

const KEY_HELP = "p pause, r resume, q quit and keep";

/** What all downloads of a run have in common. */
type Common = Omit<DownloadOptions, "sources" | "directory" | "name">;

/** `transfer fetch-ranges`: downloads files. */
export const fetchRanges: Command = defineCommand({
  name: "fetch-ranges",
  summary: "Download files over several connections each, and go on where it stopped",
  examples: [
    ["transfer fetch-ranges https://example.org/big.iso --threads 8", "Over up to eight connections"],
    [
      "transfer fetch-ranges --input urls.txt --max-rate 10M --out /srv/iso/",
      "All URLs of a file, not faster than 10 MiB/s",
    ],
  ],
  arguments: "URL...",
  details: `
A file is NAME.part until it is whole, synced and verified. Running the same command
again continues a download that was interrupted, if the file on the server is still
the same. Several URLs are fetched one after the other.

http_proxy, https_proxy, all_proxy and no_proxy are honoured. User, password and
headers go to the host of the URL alone, wherever it redirects. While it runs on a
terminal: p pauses, r resumes, q quits and keeps what is there.`,
  flags: {
    threads: {
      summary: "Most connections for one file; fewer when more bring nothing, or the server refuses them",
      valueName: "N",
      default: "5",
      boundedBy: "maxThreads",
      parse: wholeNumber(1, 64),
    },
    block: {
      summary: "Bytes of one request, as long as asking takes no time to speak of",
      valueName: "SIZE",
      default: "8M",
      boundedBy: "maxBlockBytes",
      parse: byteSizeBetween("64K", "1G"),
    },
    perHost: {
      summary: "Most connections to one host, over all mirrors",
      valueName: "N",
      default: "16",
      parse: wholeNumber(1, 64),
    },
    out: {
      summary: "Where to: a file's name for one URL, or a directory; default: this directory",
      valueName: "FILE|DIR",
      parse: text,
    },
    input: { summary: "File of URLs, one a line; - is standard input", valueName: "FILE", parse: text },
    mirror: {
      summary: "Another URL of the same file, to be fetched from as well; may be repeated",
      valueName: "URL",
      default: "",
      isList: true,
      separator: "\n",
      parse: urls,
    },
    checksum: {
      summary: "What the file has to be: sha-256=HEX",
      valueName: "DIGEST",
      parse: sha256Checksum,
    },
    header: {
      summary: "Header to send, such as 'Referer: https://example.org/'; may be repeated",
      valueName: "K:V",
      default: "",
      isList: true,
      separator: "\n",
      isSecret: true,
      parse: headers,
    },
    user: {
      summary: "User and password; better set by TRANSFER_USER, which other users can't see",
      valueName: "NAME:PASSWORD",
      isSecret: true,
      parse: credentials,
    },
    proxy: {
      summary: "HTTP proxy; default: what the environment says",
      valueName: "URL",
      isSecret: true,
      parse: proxyUrl,
    },
    maxRate: {
      summary: "Most bytes a second, over all connections, such as 10M",
      valueName: "RATE",
      parse: byteSizeBetween("4K", "1T"),
    },
    retries: {
      summary: "Failures in a row, with nothing received between them, before giving up",
      valueName: "N",
      default: "5",
      parse: wholeNumber(0, 1000),
    },
    timeout: {
      summary: "How long to wait for a connection, and for an answer",
      valueName: "TIME",
      default: "30s",
      parse: duration,
    },
    noResume: { summary: "Start over, whatever an earlier run has left", default: "false", parse: toggle },
    overwrite: {
      summary: 'Replace a file of the same name, instead of storing "name (1)"',
      default: "false",
      parse: toggle,
    },
    ca: {
      summary: "PEM file of certificate authorities to trust besides the system's",
      valueName: "FILE",
      parse: text,
    },
    insecure: { summary: "Take any certificate, from anybody on the way", default: "false", parse: toggle },
    allowDowngrade: {
      summary: "Let https redirect to http, which anybody on the way can read and change",
      default: "false",
      parse: toggle,
    },
    ...OUTPUT_FLAGS,
  },
  async run(values, { args, signal }) {
    const plan = await planFetches(args, values);
    if (plan.length > 1 && values.checksum !== undefined) {
      throw new UsageError("--checksum is for one URL: several files have several digests");
    }
    if (plan.length > 1 && values.mirror.length > 0) {
      throw new UsageError("--mirror is for one URL: it is another source of the same file");
    }
    using trust = values.ca === undefined ? undefined : await trusted(values.ca);
    const common: Common = {
      ...values,
      blockBytes: values.block,
      timeoutMs: values.timeout,
      headers: values.header,
      sha256: values.checksum,
      resume: !values.noResume,
      allowsDowngrade: values.allowDowngrade,
      trust,
    };
    return await fetchAll(plan, { ...values, common, signal });
  },
});

interface FetchOptions {
  readonly common: Common;
  readonly mirror: readonly string[];
  readonly signal: AbortSignal;
  readonly json: boolean;
  readonly quiet: boolean;
}

async function fetchAll(plan: readonly PlannedFetch[], options: FetchOptions): Promise<ExitCode> {
  const { json, signal } = options;
  const startedMs = performance.now();
  const tally = new TransferTally();
  const over = new AbortController();
  const running: Running = { download: undefined };
  void listenForKeys((key) => act(running.download, key.toLowerCase()), over.signal);
  if (!options.quiet && !json) printKeys(KEY_HELP);
  try {
    for (const planned of plan) {
      if (signal.aborted || tally.interrupted) break;
      const end = await fetchOne(planned, { ...options, running, run: { files: plan.length, tally } });
      tally.add(end);
      printEnd(end, { json });
    }
  } finally {
    over.abort();
  }
  const interrupted = tally.interrupted || tally.ended < plan.length;
  const summary = tally.summary({ seconds: (performance.now() - startedMs) / 1000, interrupted });
  printSummary(summary, { json });
  return exitOf(summary, tally);
}

/** Downloads one file to its end, however that is. */
async function fetchOne(
  { url, directory, name }: PlannedFetch,
  { common, mirror, signal, json, quiet, running, run }: FetchOptions & {
    readonly running: Running;
    readonly run: FetchRun;
  },
): Promise<FileEndEvent> {
  const download = startDownload({ ...common, sources: [url, ...mirror], directory, name });
  running.download = download;
  const over = new AbortController();
  signal.addEventListener("abort", () => download.cancel(false), { signal: over.signal });
  if (signal.aborted) download.cancel(false);
  try {
    using _display = quiet || json ? undefined : showProgress(fetchView(download, run));
    await download.ended;
  } finally {
    over.abort();
  }
  for (const { source, reason } of download.problems) {
    if (source > 0) printNote(`${shownUrl(mirror[source - 1] ?? url)}: not used: ${printable(reason)}`);
  }
  return fetchEnd(download);
}

/** What keys act on. */
interface Running {
  download: RunningDownload | undefined;
}

function act(download: RunningDownload | undefined, key: string): void {
  if (key === "p") download?.pause();
  else if (key === "r") download?.resume();
  else if (key === "q") download?.cancel(false);
}
