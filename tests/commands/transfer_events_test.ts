import { assertEquals } from "@std/assert";
import type { SummaryEvent } from "../../commands/event_schemas.ts";
import { summaryText } from "../../commands/transfer_events.ts";

const NOTHING: SummaryEvent = {
  event: "summary",
  files: 0,
  bytes: 0,
  transferredBytes: 0,
  seconds: 2,
  there: 0,
  failed: 0,
  stopped: 0,
  interrupted: false,
};

const CASES: readonly (readonly [Partial<SummaryEvent>, string])[] = [
  [{ files: 1, bytes: 3, transferredBytes: 3 }, "1 file, 3 B in 2.00 s, 2 B/s"],
  [{ files: 12, bytes: 5e9, transferredBytes: 5e9 }, "12 files, 5.00 GB in 2.00 s, 2.50 GB/s"],
  [
    { files: 2, bytes: 3e6, transferredBytes: 1e6, there: 3, failed: 1 },
    "2 files, 1.00 MB in 2.00 s, 500 KB/s; 2.00 MB were there already; 3 files were there already; 1 failed",
  ],
  [{ failed: 2, stopped: 1 }, "0 files; 2 failed; 1 stopped"],
  [{ there: 1, interrupted: true }, "0 files; 1 file was there already; interrupted"],
];

for (const [part, text] of CASES) {
  Deno.test(`the summary tells: ${text}`, () => assertEquals(summaryText({ ...NOTHING, ...part }), text));
}
