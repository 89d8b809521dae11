import { printable } from "../terminal/printable.ts";
import {
  progressFacts,
  progressLines,
  progressTable,
  totalFacts,
  type TotalProgress,
} from "../terminal/progress.ts";
import type { ProgressView } from "../terminal/progress_display.ts";
import { RateMeter } from "../terminal/rate_meter.ts";
import type { RunningUpload, RunningUploads } from "./running_uploads.ts";
import type { Planned } from "./upload_plan.ts";
import type { TransferTally } from "./transfer_tally.ts";

/** The progress of one upload. */
export function oneUploadView(upload: RunningUpload): ProgressView {
  const read = () => upload.progress(performance.now());
  return {
    lines: ({ columns }) => progressTable([read()], columns),
    plain: () => `${printable(read().name)}: ${progressFacts(read())}`,
  };
}

/** The progress of several uploads: a line each, and one for all. */
export function severalUploadsView(
  running: RunningUploads,
  { tally, count }: { readonly tally: TransferTally; readonly count: UploadCount },
): ProgressView {
  const meter = new RateMeter();
  meter.add(0, performance.now());
  const total = (nowMs: number): TotalProgress => {
    meter.add(running.sentBytes, nowMs);
    const { ended, failures } = tally;
    const done = running.doneBytes;
    return {
      filesEnded: ended,
      files: Math.max(count.files, ended),
      failed: failures.length,
      done,
      // Files may have grown, or come, since they were counted.
      total: Math.max(count.bytes, done),
      bytesPerSecond: meter.bytesPerSecond(nowMs),
      isCounted: count.isComplete,
      note: running.isQuitting ? "stopping" : running.isPaused ? "paused, r resumes" : undefined,
    };
  };
  return {
    lines(size) {
      const nowMs = performance.now();
      return progressLines(running.all.map((upload) => upload.progress(nowMs)), total(nowMs), size);
    },
    plain: () => totalFacts(total(performance.now())),
  };
}

/** How much there is to upload, as far as it was counted. */
export interface UploadCount {
  files: number;
  bytes: number;
  isComplete: boolean;
}

/**
 * Counts what a plan comes to, beside its uploads: for what is shown of the whole, which nothing waits for.
 * Keeps nothing but the count. Ends early when `signal` is aborted.
 */
export async function countUploads(
  plan: AsyncIterable<Planned>,
  { count, signal }: { readonly count: UploadCount; readonly signal: AbortSignal },
): Promise<void> {
  for await (const step of plan) {
    if (signal.aborted) return;
    if (step.kind === "skipped") continue;
    count.files++;
    // What can't be looked at fails when its turn comes, and has no bytes to wait for.
    if (step.kind === "file") count.bytes += await sizeOf(step.path);
  }
  count.isComplete = true;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch {
    return 0;
  }
}
