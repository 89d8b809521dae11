import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { progressLines, totalFacts, type TotalProgress } from "../../terminal/progress.ts";
import { shorten, textWidth, wrapWords } from "../../terminal/text_width.ts";

const RUNNING = [
  { name: "photos/a.jpg", done: 420e6, total: 1000e6, bytesPerSecond: 10e6 },
  { name: "b.iso", done: 0, total: 2000e6, bytesPerSecond: 0, note: "connecting" },
];
const TOTAL: TotalProgress = {
  filesEnded: 12,
  files: 340,
  failed: 1,
  done: 5e9,
  total: 10e9,
  bytesPerSecond: 50e6,
  isCounted: true,
};

Deno.test("each upload has a line and all together the last, with their bars in one column", () => {
  assertEquals(
    progressLines(RUNNING, TOTAL, { columns: 120, rows: 24 }),
    [
      "photos/a.jpg              [############------------------]   42.0 %   420 MB of 1.00 GB  10.0 MB/s     58s left",
      "b.iso                     [------------------------------]    0.0 %      0 B of 2.00 GB  connecting",
      "12 of 340 files, 1 failed [###############---------------]   50.0 %  5.00 GB of 10.0 GB  50.0 MB/s   1m40s left",
    ],
  );
});

Deno.test("until all is counted, the total claims no share", () => {
  const total = { ...TOTAL, isCounted: false, files: 20, failed: 0 };
  assertEquals(totalFacts(total), "12 of 20+ files: 5.00 GB, 50.0 MB/s, still counting");
  assertEquals(progressLines([], total, { columns: 80, rows: 24 }), [
    "12 of 20+ files  5.00 GB  50.0 MB/s",
  ]);
  assertEquals(
    totalFacts({ ...TOTAL, failed: 0 }),
    "12 of 340 files: 50.0 %  5.00 GB of 10.0 GB  50.0 MB/s  1m40s left",
  );
});

Deno.test("lines fit any terminal, whatever the names and however many there are", () => {
  const progress = fc.record({
    name: fc.string({ unit: "grapheme", maxLength: 60 }),
    done: fc.nat(1000),
    // Up to 32 million years.
    total: fc.constantFrom(1000, 100_000, 1e15),
    bytesPerSecond: fc.nat(10_000),
    note: fc.option(fc.constant("paused, r resumes"), { nil: undefined }),
  });
  const size = fc.record({
    columns: fc.integer({ min: 1, max: 200 }),
    rows: fc.integer({ min: 1, max: 70 }),
  });
  fc.assert(
    fc.property(
      fc.array(progress, { maxLength: 64 }),
      size,
      fc.boolean(),
      (running, { columns, rows }, isCounted) => {
        const lines = progressLines(running, { ...TOTAL, isCounted }, { columns, rows });
        assertLessOrEqual(lines.length, running.length + 1);
        if (rows > 1) assertLess(lines.length, rows);
        else assertEquals(lines.length, 1);
        for (const line of lines) assertLessOrEqual(textWidth(line), columns);
      },
    ),
  );
});

Deno.test("no name of an upload can act on the terminal", () => {
  const [line = ""] = progressLines([{ name: "\x1b[2J\n", done: 0, total: 1, bytesPerSecond: 0 }], TOTAL, {
    columns: 80,
    rows: 5,
  });
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f]/.test(line));
});

Deno.test("a text is as wide as a terminal draws it", () => {
  for (
    const [text, columns] of [["abc", 3], ["日本", 4], ["é", 1], ["e\u0301", 1], ["한글", 4], ["🎬", 2], [
      "ﾊ",
      1,
    ]] as const
  ) {
    assertEquals(textWidth(text), columns, text);
  }
});

Deno.test("on a narrow terminal the line for all still says how many, and how many failed", () => {
  const size = { columns: 39, rows: 20 };
  assertEquals(progressLines([], { ...TOTAL, filesEnded: 5, files: 20 }, size), [
    "5 of 20, 1 failed   50.0 %   1m40s left",
  ]);
});

Deno.test("a hint is broken between words", () => {
  assertEquals(wrapWords("p pause, q quit and keep", 12), "p pause, q\nquit and\nkeep");
  assertEquals(wrapWords("unbreakable word", 5), "unbreakable\nword");
  assertEquals(wrapWords("as it is", 80), "as it is");
});

Deno.test("a text is cut in the middle, to no more columns than there are", () => {
  assertEquals(shorten("photograph.jpg", 14), "photograph.jpg");
  assertEquals(shorten("photograph.jpg", 9), "phot….jpg");
  assertEquals(shorten("日本日本.jpg", 8), "日本…jpg");
  assertEquals(shorten("日本日本日本", 8), "日本…本");
  assertEquals(shorten("abc", 0), "");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (text, columns) => {
    assertLessOrEqual(textWidth(shorten(text, columns)), columns);
  }));
});
