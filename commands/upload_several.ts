import { NO_PROGRESS, type ProgressDisplay, showProgress } from "../terminal/progress_display.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { printable, printableJson } from "../terminal/printable.ts";
import type { ExitCode } from "./command.ts";
import type { FileEndEvent } from "./event_schemas.ts";
import type { RunningUploads } from "./running_uploads.ts";
import { exitOf, printEnd, printSummary } from "./transfer_events.ts";
import { TransferTally } from "./transfer_tally.ts";
import { uploadOne, type UploadTarget } from "./upload_one.ts";
import { type Planned, planUploads } from "./upload_plan.ts";
import { countUploads, severalUploadsView } from "./upload_progress.ts";

/** Options of {@linkcode uploadSeveral}. */
export interface SeveralOptions {
  readonly target: UploadTarget;
  readonly running: RunningUploads;
  /** How many to send at once. */
  readonly parallel: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

/**
 * Sends all that arguments stand for, some at a time. One that fails holds up none of the others; failures
 * are listed at the end, where they are seen.
 */
export async function uploadSeveral(
  paths: readonly string[],
  options: SeveralOptions,
): Promise<ExitCode> {
  const { running, parallel, json } = options;
  const startedMs = performance.now();
  const tally = new TransferTally();
  const plan = planUploads(paths);
  {
    await using shown = showTotal(paths, { ...options, tally });
    const { display } = shown;
    await Promise.all(Array.from({ length: parallel }, () => work(plan, { ...options, tally, display })));
  }
  // A plan that has come to its end stays there: only a run that was ended early has more.
  const interrupted = tally.interrupted || (running.isQuitting && (await plan.next()).done !== true);
  const summary = tally.summary({ seconds: (performance.now() - startedMs) / 1000, interrupted });
  await plan.return(undefined);
  printSummary(summary, { json });
  for (const failure of tally.failures) printEnd(failure, { json: false });
  return exitOf(summary, tally);
}

/** Shows how far all uploads are, which are counted for it, unless nothing is to be shown. */
function showTotal(
  paths: readonly string[],
  { running, tally, json, quiet }: SeveralOptions & { readonly tally: TransferTally },
): { readonly display: ProgressDisplay } & AsyncDisposable {
  if (json || quiet) return { display: NO_PROGRESS, [Symbol.asyncDispose]: () => Promise.resolve() };
  const stop = new AbortController();
  const count = { files: 0, bytes: 0, isComplete: false };
  const counting = countUploads(planUploads(paths), { count, signal: stop.signal });
  const display = showProgress(severalUploadsView(running, { tally, count }));
  return {
    display,
    async [Symbol.asyncDispose]() {
      display[Symbol.dispose]();
      stop.abort();
      await counting;
    },
  };
}

/** Takes one step of the plan after another, until there are no more or the person has had enough. */
async function work(
  plan: AsyncGenerator<Planned>,
  options: SeveralOptions & { readonly tally: TransferTally; readonly display: ProgressDisplay },
): Promise<void> {
  const { running, tally, display, json } = options;
  while (await running.mayStart()) {
    const { value: step, done } = await plan.next();
    if (done === true) return;
    if (step.kind === "skipped") {
      display.above(() => printNote(`${printable(step.path)}: skipped, ${step.reason}`));
      continue;
    }
    const end: FileEndEvent = step.kind === "file"
      ? await uploadOne(step, options)
      : { event: "failed", file: step.path, error: step.error };
    tally.add(end);
    if (end.event !== "failed") display.above(() => printEnd(end, { json }));
    else if (json) display.above(() => printResult(printableJson(end)));
  }
}
