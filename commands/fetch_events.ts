import { toFileUrl } from "@std/path";
import type { RunningDownload } from "../protocols/http_ranges/running_download.ts";
import { formatBytes } from "../terminal/format.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { EXIT, type ExitCode } from "./command.ts";

/** How a download ended, as `--json` prints it. */
export type FetchEnd =
  | {
    readonly event: "done";
    readonly url: string;
    /** Absolute. */
    readonly path: string;
    readonly bytes: number;
    /** Bytes fetched by this run; fewer than `bytes` when it continued an earlier one. */
    readonly fetchedBytes: number;
    readonly seconds: number;
    readonly sha256: string;
  }
  | { readonly event: "interrupted"; readonly url: string; readonly receivedBytes: number }
  | {
    readonly event: "failed";
    readonly url: string;
    readonly error: string;
    /** What came is not what --checksum says. */
    readonly corrupt?: boolean;
  };

/** What became of several downloads, as `--json` prints it last. */
export interface FetchSummary {
  readonly event: "summary";
  readonly files: number;
  readonly bytes: number;
  readonly fetchedBytes: number;
  readonly seconds: number;
  readonly failed: number;
  readonly interrupted: boolean;
}

/** How a download that has ended did. */
export function fetchEnd(
  { url, state, received }: Pick<RunningDownload, "url" | "state" | "received">,
): FetchEnd {
  switch (state.kind) {
    case "done": {
      const { path, bytes, fetchedBytes, seconds, sha256 } = state;
      return { event: "done", url, path, bytes, fetchedBytes, seconds, sha256 };
    }
    case "failed":
      return { event: "failed", url, error: state.reason, ...state.isCorrupt ? { corrupt: true } : {} };
    default:
      return { event: "interrupted", url, receivedBytes: received };
  }
}

/** Prints how a download ended: a result on standard output, anything else as a note. */
export function printFetchEnd(end: FetchEnd, { json }: { readonly json: boolean }): ExitCode {
  if (json) printResult(JSON.stringify(end));
  const url = printable(end.url);
  switch (end.event) {
    case "done":
      if (!json) printResult(doneText(end));
      return EXIT.done;
    case "interrupted":
      printNote(
        `${url}: interrupted at ${formatBytes(end.receivedBytes)}; run the same command again to continue`,
      );
      return EXIT.interrupted;
    case "failed":
      printNote(`${url}: ${printable(end.error)}`);
      return end.corrupt === true ? EXIT.corrupt : EXIT.failed;
  }
}

/** "file:///srv/film.mkv  1000000 bytes in 1.20 s, 0.8 MB/s  SHA-256 …", on a line each. */
function doneText(end: Extract<FetchEnd, { event: "done" }>): string {
  return [
    toFileUrl(end.path).href,
    `  ${end.bytes} bytes in ${paceText(end)}`,
    `  SHA-256 ${end.sha256}`,
  ].join("\n");
}

/** What became of several downloads in a line. */
export function fetchSummaryText(summary: FetchSummary): string {
  const { files, bytes, failed, interrupted } = summary;
  const troubles = [...failed > 0 ? [`${failed} failed`] : [], ...interrupted ? ["interrupted"] : []];
  const fetched = `${files} ${files === 1 ? "file" : "files"}, ${formatBytes(bytes)} in ${paceText(summary)}`;
  return [fetched, ...troubles].join("; ");
}

function paceText(
  { bytes, fetchedBytes, seconds }: {
    readonly bytes: number;
    readonly fetchedBytes: number;
    readonly seconds: number;
  },
): string {
  const time = Math.max(seconds, 1e-3);
  const resumed = fetchedBytes < bytes ? `, ${formatBytes(bytes - fetchedBytes)} were there already` : "";
  return `${time.toFixed(2)} s, ${(fetchedBytes / 1e6 / time).toFixed(1)} MB/s${resumed}`;
}
