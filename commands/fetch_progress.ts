import type { RunningDownload } from "../protocols/http_ranges/running_download.ts";
import { shorten } from "../terminal/text_width.ts";
import { type Progress, progressFacts, progressLines, progressTable } from "../terminal/progress.ts";
import type { ProgressView } from "../terminal/progress_display.ts";
import { printable } from "../terminal/printable.ts";
import { RateMeter } from "../terminal/rate_meter.ts";
import type { TransferTally } from "./transfer_tally.ts";

/** All downloads of a run, of which one is under way at a time. */
export interface FetchRun {
  readonly files: number;
  readonly tally: Pick<TransferTally, "ended" | "wholeBytes" | "failures">;
}

/**
 * The progress of one download: a line for each connection, one for the whole below them, and one for all
 * downloads of a run if there are several.
 */
export function fetchView(download: RunningDownload, { files, tally }: FetchRun): ProgressView {
  const meter = new RateMeter();
  const whole = (): Progress => {
    const nowMs = performance.now();
    meter.add(download.received, nowMs);
    return {
      name: download.name ?? new URL(download.url).hostname,
      done: download.received,
      total: download.size,
      bytesPerSecond: meter.bytesPerSecond(nowMs),
      note: noteOf(download),
    };
  };
  return {
    lines({ columns, rows }) {
      const others = files > 1 ? 3 : 2;
      const lanes = download.connections.slice(0, Math.max(0, rows - others));
      const parts = lanes.map(({ lane, from, at, to, bytesPerSecond }): Progress => {
        const total = to === undefined ? undefined : to - from;
        return { name: `  connection ${lane + 1}`, done: at - from, total, bytesPerSecond };
      });
      const file = whole();
      const shown = [...parts, file];
      if (files === 1) return progressTable(shown, columns);
      const { ended: filesEnded, wholeBytes, failures: { length: failed } } = tally;
      const { bytesPerSecond } = file;
      const done = wholeBytes + download.received;
      const total = { filesEnded, files, failed, done, total: undefined, bytesPerSecond, isCounted: true };
      return progressLines(shown, total, { columns, rows });
    },
    plain() {
      const { connections } = download;
      const { length } = connections;
      const count = length === 0 ? "" : `, ${length} ${length === 1 ? "connection" : "connections"}`;
      const { name, ...facts } = whole();
      return `${shorten(printable(name), 60)}: ${progressFacts({ name, ...facts })}${count}`;
    },
  };
}

/** What stands instead of speed and time left. */
function noteOf({ state, note }: RunningDownload): string | undefined {
  switch (state.kind) {
    case "probing":
      return note ?? "connecting";
    case "paused":
      return "paused, r resumes";
    case "verifying":
      return "verifying";
    default:
      return note;
  }
}
