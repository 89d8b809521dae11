import { assertEquals } from "@std/assert";
import { RunningUploads } from "../../commands/running_uploads.ts";
import type { Planned } from "../../commands/upload_plan.ts";
import { countUploads, severalUploadsView } from "../../commands/upload_progress.ts";
import { TransferTally } from "../../commands/transfer_tally.ts";

async function* planOf(...steps: Planned[]): AsyncGenerator<Planned> {
  yield* steps;
}

const FILE: Planned = { kind: "file", path: "LICENSE", name: "LICENSE" };

Deno.test("what is there to upload is counted; what is passed over is not", async () => {
  const count = { files: 0, bytes: 0, isComplete: false };
  const { signal } = new AbortController();
  const gone: Planned = { kind: "file", path: "no-such-file", name: "x" };
  const failed: Planned = { kind: "failed", path: "y", error: "z" };
  await countUploads(planOf(FILE, { kind: "skipped", path: "l", reason: "a link" }, gone, failed, FILE), {
    count,
    signal,
  });
  const { size } = await Deno.stat("LICENSE");
  assertEquals(count, { files: 4, bytes: 2 * size, isComplete: true });
});

Deno.test("the count ends when the uploads have", async () => {
  const count = { files: 0, bytes: 0, isComplete: false };
  await countUploads(planOf(FILE, FILE), { count, signal: AbortSignal.abort() });
  assertEquals(count, { files: 0, bytes: 0, isComplete: false });
});

Deno.test("a log is told of all uploads together", () => {
  const running = new RunningUploads();
  const tally = new TransferTally();
  const count = { files: 2, bytes: 0, isComplete: true };
  tally.add({ event: "failed", file: "x", error: "y" });
  const view = severalUploadsView(running, { tally, count });
  assertEquals(view.plain(), "1 of 2 files, 1 failed: 100.0 %  0 B of 0 B");
  running.wish("pause");
  assertEquals(view.plain(), "1 of 2 files, 1 failed: 100.0 %  0 B of 0 B  paused, r resumes");
});
