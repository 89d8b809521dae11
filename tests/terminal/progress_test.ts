import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { printable } from "../../terminal/printable.ts";
import { progressLine } from "../../terminal/progress.ts";
import { RateMeter } from "../../terminal/rate_meter.ts";

const PROGRESS = { name: "film.mkv", done: 420e6, total: 1000e6, bytesPerSecond: 10e6 };

Deno.test("a progress line tells name, share, bytes, speed and time left", () => {
  assertEquals(
    progressLine(PROGRESS, 100),
    "film.mkv [############------------------]  42.0 %  420 MB of 1.00 GB  10.0 MB/s  58s left",
  );
  assertEquals(progressLine(PROGRESS, 66), "film.mkv  42.0 %  420 MB of 1.00 GB  10.0 MB/s  58s left");
  assertStringIncludes(progressLine({ ...PROGRESS, note: "paused" }, 100), "420 MB of 1.00 GB  paused");
});

Deno.test("an empty file is complete, and 100 % is not shown before the last byte", () => {
  assertStringIncludes(progressLine({ ...PROGRESS, done: 0, total: 0 }, 80), "100.0 %");
  assertStringIncludes(progressLine({ ...PROGRESS, done: 1e9 - 1, total: 1e9 }, 80), "99.9 %");
});

Deno.test("without a size to reach there is no share, no bar and no time left", () => {
  assertEquals(progressLine({ ...PROGRESS, total: undefined }, 100), "film.mkv 420 MB  10.0 MB/s");
  assertEquals(
    progressLine({ ...PROGRESS, total: undefined, note: "paused" }, 100),
    "film.mkv 420 MB  paused",
  );
});

Deno.test("a progress line fits any terminal, whatever the name", () => {
  const name = fc.string({ unit: "grapheme-ascii", maxLength: 300 });
  fc.assert(fc.property(name, fc.integer({ min: 1, max: 300 }), fc.nat(1000), (text, columns, done) => {
    const line = progressLine({ ...PROGRESS, name: text, done, total: 1000 }, columns);
    assertLessOrEqual([...line].length, columns);
  }));
});

Deno.test("what is printed of a peer's text can't act on the terminal", () => {
  assertEquals(printable("a\x1b[2Jb\nc\u202ed\u009b"), "a\\u{1b}[2Jb\\nc\\u{202e}d\\u{9b}");
  assertEquals(printable("Grüße 日本"), "Grüße 日本");
  assert(!progressLine({ ...PROGRESS, name: "\x1b[31m" }, 80).includes("\x1b"));
});

Deno.test("a rate is that of the last five seconds", () => {
  const meter = new RateMeter();
  assertEquals(meter.bytesPerSecond(0), 0);
  for (let ms = 0; ms <= 10_000; ms += 10) meter.add(ms < 5000 ? ms * 100 : 500_000 + (ms - 5000) * 10, ms);
  assertEquals(Math.round(meter.bytesPerSecond(10_000) / 100), 100);
  assertEquals(meter.bytesPerSecond(15_000), 0);
});

Deno.test("a transfer that starts over starts its rate over", () => {
  const meter = new RateMeter();
  meter.add(1_000_000, 0);
  meter.add(0, 1000);
  meter.add(500, 2000);
  assertEquals(meter.bytesPerSecond(2000), 500);
});
