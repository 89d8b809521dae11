/** How transfers end, told in the same words by all commands that transfer files. */

import { formatBytes, formatRate } from "../terminal/format.ts";
import { printNote, printResult, printResultWords } from "../terminal/output.ts";
import { printable, printableJson } from "../terminal/printable.ts";
import { EXIT, type ExitCode } from "./exit_code.ts";
import type { DoneEvent, FileEndEvent, SummaryEvent } from "./event_schemas.ts";

/** Prints how a file ended: a result on standard output, anything else as a note. */
export function printEnd(end: FileEndEvent, { json }: { readonly json: boolean }): void {
  if (json) printResult(printableJson(end));
  const file = printable(end.file);
  switch (end.event) {
    case "done":
      if (!json) printResult(doneText(end));
      return;
    case "there":
      if (!json) printResult(`${file} -> ${printable(end.path)} (was there already)`);
      return;
    case "stopped":
      return printNote(`${file}: stopped; the server has deleted its part`);
    case "interrupted":
      return printNote(`${file}: interrupted at ${formatBytes(end.keptBytes)}; ${howToContinue(end.file)}`);
    case "failed":
      return printNote(`${file}: ${printable(end.error)}`);
  }
}

/** Prints what became of all files, as the last line. */
export function printSummary(summary: SummaryEvent, { json }: { readonly json: boolean }): void {
  if (json) printResult(printableJson(summary));
  else printResultWords(summaryText(summary));
}

/** "0 files; 1 failed", or "12 files, 3.40 GB in 41.20 s, 82.5 MB/s; 1.20 GB were there already; 3 files were there already; 1 failed". */
export function summaryText(summary: SummaryEvent): string {
  const { files, there, bytes, transferredBytes, failed, stopped, interrupted } = summary;
  const seconds = Math.max(summary.seconds, 1e-3);
  const kept = bytes - transferredBytes;
  const rate = `${formatBytes(transferredBytes)} in ${seconds.toFixed(2)} s, ` +
    formatRate(transferredBytes / seconds);
  return [
    // What was moved of others is told with them.
    files === 0 ? filesText(files) : `${filesText(files)}, ${rate}`,
    ...(kept > 0 ? [`${formatBytes(kept)} were there already`] : []),
    ...(there > 0 ? [`${filesText(there)} ${there === 1 ? "was" : "were"} there already`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(stopped > 0 ? [`${stopped} stopped`] : []),
    ...(interrupted ? ["interrupted"] : []),
  ].join("; ");
}

/** What the ends of files make of a run's exit code. */
export function exitOf(
  { failed, stopped, interrupted }: SummaryEvent,
  { isCorrupt }: { readonly isCorrupt: boolean },
): ExitCode {
  if (interrupted) return EXIT.interrupted;
  if (isCorrupt) return EXIT.corrupt;
  return failed + stopped > 0 ? EXIT.failed : EXIT.done;
}

function filesText(count: number): string {
  return `${count} ${count === 1 ? "file" : "files"}`;
}

function howToContinue(file: string): string {
  return file === "-"
    ? "what came in can't be read again, so this one can't be continued"
    : "run the same command again to continue";
}

/** What was asked for and where it is now, and what it was compared by. */
function doneText({ file, path, sha256, root }: DoneEvent): string {
  return [
    `${printable(file)} -> ${printable(path)}`,
    ...(sha256 === undefined ? [] : [`  SHA-256 ${sha256}`]),
    ...(root === undefined ? [] : [`  root ${root}`]),
  ].join("\n");
}
