import type { RunningFile } from "../store/fetched_file.ts";
import { partsOf } from "../protocols/tcp_file/plain_client.ts";
import { printable } from "../terminal/printable.ts";
import {
  type Progress,
  progressFacts,
  progressLines,
  totalFacts,
  type TotalProgress,
} from "../terminal/progress.ts";
import type { ProgressView } from "../terminal/progress_display.ts";
import { RateMeter } from "../terminal/rate_meter.ts";
import { shorten } from "../terminal/text_width.ts";
import type { FileTally } from "./file_get_tally.ts";

/**
 * The progress of fetching files: a line for each part of the file under way, if it has several, one for the file, and one for all files
 * if there are several.
 *
 * @param parts How many equal parts a file is shown in.
 */
export function fileGetView(tally: FileTally, { parts }: { readonly parts: number }): ProgressView {
  const meter = new RateMeter();
  meter.add(tally.onDisk, performance.now());
  const bytesPerSecond = () => {
    const nowMs = performance.now();
    meter.add(tally.onDisk, nowMs);
    return meter.bytesPerSecond(nowMs);
  };
  return {
    lines(size) {
      const rate = bytesPerSecond();
      const { running } = tally;
      const lines = running === undefined ? [] : [...partLines(running, parts), fileProgress(running, rate)];
      const all = progressLines(lines, totalOf(tally, rate), size);
      // Of one file alone its own line says it all, if there is room for it.
      return tally.files > 1 || all.length < 2 ? all : all.slice(0, -1);
    },
    plain() {
      const rate = bytesPerSecond();
      const { running } = tally;
      if (tally.files > 1 || running === undefined) return totalFacts(totalOf(tally, rate));
      return `${shorten(printable(running.path), 60)}: ${progressFacts(fileProgress(running, rate))}`;
    },
  };
}

function fileProgress({ path, size, written, note }: RunningFile, bytesPerSecond: number): Progress {
  return { name: path, done: written.bytes, total: size, bytesPerSecond, note };
}

/** How much of each part of a file is there, whichever connection brought it. */
function partLines({ size, written }: RunningFile, parts: number): Progress[] {
  if (parts === 1) return [];
  return partsOf(size, parts).map(({ offset, length }, index) => {
    const done = [...written].reduce((sum, { from, to }) => {
      return sum + Math.max(0, Math.min(to, offset + length) - Math.max(from, offset));
    }, 0);
    return { name: `  part ${index + 1}`, done, total: length, bytesPerSecond: 0 };
  });
}

function totalOf(tally: FileTally, bytesPerSecond: number): TotalProgress {
  const { files, bytes, onDisk, ends: { ended, failures } } = tally;
  return {
    filesEnded: ended,
    files: Math.max(files, ended),
    failed: failures.length,
    done: onDisk,
    // Files may have grown since they were listed.
    total: Math.max(bytes, onDisk),
    bytesPerSecond,
    isCounted: true,
  };
}
