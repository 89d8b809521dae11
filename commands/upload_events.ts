import { formatBytes } from "../terminal/format.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { EXIT, type ExitCode } from "./command.ts";

/** How an upload ended, as `--json` prints it. */
export type EndEvent =
  | {
    readonly event: "done";
    readonly file: string;
    /** Absolute path on the server. */
    readonly path: string;
    readonly bytes: number;
    /** Bytes sent by this run; fewer than `bytes` when it continued an earlier one. */
    readonly sentBytes: number;
    readonly seconds: number;
    readonly sha256: string;
  }
  | { readonly event: "stopped" | "interrupted"; readonly file: string; readonly offset: number }
  | {
    readonly event: "failed";
    readonly file: string;
    readonly error: string;
    /** What arrived is not what was sent. */
    readonly corrupt?: boolean;
  };

/** What became of several files, as `--json` prints it last. */
export interface SummaryEvent {
  readonly event: "summary";
  /** Files that are whole on the server, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Bytes of theirs that were sent by this run. */
  readonly sentBytes: number;
  readonly seconds: number;
  readonly failed: number;
  /** Files whose upload the person stopped. */
  readonly stopped: number;
  /** Whether the run was ended before all files had their turn. */
  readonly interrupted: boolean;
}

/** Prints how an upload ended: a result on standard output, anything else as a note. */
export function printEnd(end: EndEvent, { json }: { readonly json: boolean }): ExitCode {
  if (json) printResult(JSON.stringify(end));
  const file = printable(end.file);
  switch (end.event) {
    case "done":
      if (!json) printResult(doneText(end));
      return EXIT.done;
    case "stopped":
      printNote(`${file}: stopped; the server has deleted its part`);
      return EXIT.failed;
    case "interrupted":
      printNote(`${file}: interrupted at ${formatBytes(end.offset)}; run the same command again to continue`);
      return EXIT.interrupted;
    case "failed":
      printNote(`${file}: ${printable(end.error)}`);
      return end.corrupt === true ? EXIT.corrupt : EXIT.failed;
  }
}

function doneText(end: Extract<EndEvent, { event: "done" }>): string {
  return [
    `${printable(end.file)} -> ${printable(end.path)}`,
    `  ${end.bytes} bytes in ${paceText(end)}`,
    `  SHA-256 ${end.sha256}`,
  ].join("\n");
}

/** What became of several files in a line: "12 files, 3.40 GB in 41.20 s, 82.5 MB/s; 1 failed". */
export function summaryText(summary: SummaryEvent): string {
  const { files, bytes, failed, stopped, interrupted } = summary;
  const troubles = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(stopped > 0 ? [`${stopped} stopped`] : []),
    ...(interrupted ? ["interrupted"] : []),
  ];
  const sent = `${files} ${files === 1 ? "file" : "files"}, ${formatBytes(bytes)} in ${paceText(summary)}`;
  return [sent, ...troubles].join("; ");
}

function paceText(
  { bytes, sentBytes, seconds }: {
    readonly bytes: number;
    readonly sentBytes: number;
    readonly seconds: number;
  },
): string {
  const time = Math.max(seconds, 1e-3);
  const resumed = sentBytes < bytes ? `, ${formatBytes(bytes - sentBytes)} were there already` : "";
  return `${time.toFixed(2)} s, ${(sentBytes / 1e6 / time).toFixed(1)} MB/s${resumed}`;
}
