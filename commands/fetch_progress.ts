import type { RunningDownload } from "../protocols/http_ranges/running_download.ts";
import { shorten } from "../terminal/text_width.ts";
import { type Progress, progressFacts, progressTable } from "../terminal/progress.ts";
import type { ProgressView } from "../terminal/progress_display.ts";
import { printable } from "../terminal/printable.ts";
import { RateMeter } from "../terminal/rate_meter.ts";

/** The progress of one download: a line for each connection, and one for the whole below them. */
export function fetchView(download: RunningDownload): ProgressView {
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
      const lanes = download.connections.slice(0, Math.max(0, rows - 2));
      const parts = lanes.map(({ lane, from, at, to, bytesPerSecond }): Progress => {
        const total = to === undefined ? undefined : to - from;
        return { name: `  connection ${lane + 1}`, done: at - from, total, bytesPerSecond };
      });
      return progressTable([...parts, whole()], columns);
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
