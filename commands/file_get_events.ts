import type { FileEnd } from "../store/fetched_file.ts";
import { formatBytes } from "../terminal/format.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { printable, printableJson } from "../terminal/printable.ts";
import { EXIT, type ExitCode } from "./command.ts";
import type { FileCounts, FileTally } from "./file_get_tally.ts";

/** What became of a run, as `--json` prints it last. */
export interface FileSummary extends FileCounts {
  readonly event: "summary";
  readonly seconds: number;
  /** Whether it was ended before all files had their turn. */
  readonly interrupted: boolean;
}

/** A file's end as one event of `--json`. */
export function endEvent(end: FileEnd): Readonly<Record<string, unknown>> {
  switch (end.kind) {
    case "done": {
      const { path, local, size, fetchedBytes, digest } = end;
      return {
        event: "done",
        file: path,
        path: local,
        bytes: size,
        fetchedBytes,
        ...digest,
      };
    }
    case "there":
      return { event: "there", file: end.path, path: end.local, bytes: end.size };
    case "failed":
      return {
        event: "failed",
        file: end.path,
        error: end.reason,
        ...end.isCorrupt ? { corrupt: true } : {},
      };
  }
}

/** Prints how a file ended: what was asked for on standard output, what went wrong as a note. */
export function printEnd(end: FileEnd, { json }: { readonly json: boolean }): void {
  if (json) printResult(printableJson(endEvent(end)));
  if (end.kind === "failed") printNote(`${printable(end.path)}: ${printable(end.reason)}`);
  else if (!json) {
    printResult(printable(end.kind === "done" ? end.local : `${end.local} (was there already)`));
  }
}

/** Tells of the file that was under way when the run was ended. */
export function printInterrupted({ running }: FileTally, { json }: { readonly json: boolean }): void {
  if (running === undefined) return;
  const { path, written: { bytes } } = running;
  if (json) printResult(printableJson({ event: "interrupted", file: path, receivedBytes: bytes }));
  printNote(
    `${printable(path)}: interrupted at ${formatBytes(bytes)}; run the same command again to continue`,
  );
}

/** "12 files, 3.40 GB in 41.20 s, 82.5 MB/s; 3 were there already; 1 failed". */
export function summaryText(summary: FileSummary): string {
  const { files, there, bytes, fetchedBytes, seconds, failed, interrupted } = summary;
  const time = Math.max(seconds, 1e-3);
  return [
    `${files} ${files === 1 ? "file" : "files"}, ${formatBytes(fetchedBytes)} in ${time.toFixed(2)} s, ` +
    `${(fetchedBytes / 1e6 / time).toFixed(1)} MB/s`,
    ...fetchedBytes < bytes ? [`${formatBytes(bytes - fetchedBytes)} were there already`] : [],
    ...there > 0 ? [`${there} ${there === 1 ? "file was" : "files were"} there already`] : [],
    ...failed > 0 ? [`${failed} failed`] : [],
    ...interrupted ? ["interrupted"] : [],
  ].join("; ");
}

/** What a run's files make of its exit code. */
export function exitOf(
  { failures }: FileTally,
  { interrupted }: { readonly interrupted: boolean },
): ExitCode {
  if (interrupted) return EXIT.interrupted;
  if (failures.some(({ isCorrupt }) => isCorrupt)) return EXIT.corrupt;
  return failures.length > 0 ? EXIT.failed : EXIT.done;
}
