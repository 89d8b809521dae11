import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { printable } from "../../terminal/printable.ts";
import { type Progress, progressTable } from "../../terminal/progress.ts";
import { RateMeter } from "../../terminal/rate_meter.ts";
import { textWidth } from "../../terminal/text_width.ts";

const PROGRESS = { name: "film.mkv", done: 420e6, total: 1000e6, bytesPerSecond: 10e6 };

function progressLine(progress: Progress, columns: number): string {
  return progressTable([progress], columns)[0] ?? "";
}

Deno.test("a progress line tells name, share, bytes, speed and time left", () => {
  const line =
    "film.mkv [############------------------]   42.0 %   420 MB of 1.00 GB  10.0 MB/s     58s left";
  assertEquals(progressLine(PROGRESS, 100), line);
  assertEquals(progressLine(PROGRESS, 200), line);
  const paused = progressLine({ ...PROGRESS, note: "paused" }, 100);
  assertEquals(paused, line.replace("10.0 MB/s     58s left", "paused"));
});

const NARROW: readonly (readonly [columns: number, line: string])[] = [
  [72, "film.mkv [###-----]   42.0 %   420 MB of 1.00 GB  10.0 MB/s     58s left"],
  [66, "film.mkv   42.0 %   420 MB of 1.00 GB  10.0 MB/s     58s left"],
  [40, "film.mkv   42.0 %     58s left"],
  [30, "film.mkv   42.0 %     58s left"],
  [29, "film.mkv   42.0 %"],
  [17, "film.mkv   42.0 %"],
  [16, " 42.0 %"],
  [5, "2.0 %"],
];

for (const [columns, line] of NARROW) {
  Deno.test(`at ${columns} columns what matters least is left out: ${line}`, () => {
    assertEquals(progressLine(PROGRESS, columns), line);
  });
}

Deno.test("a note takes the room of bar and bytes before it is cut, and moves no other line", () => {
  const note = "no connection, next try in 12s";
  const other = { ...PROGRESS, name: "b" };
  const [line = "", second = ""] = progressTable([{ ...PROGRESS, note }, other], 80);
  assertEquals(line, `film.mkv [######----------]   42.0 %  ${note}`);
  assertEquals(second, progressTable([PROGRESS, other], 80)[1]);
  assertEquals(progressLine({ ...PROGRESS, note }, 50), `film.mkv   42.0 %  ${note}`);
  assertEquals(progressLine({ ...PROGRESS, note }, 40), "film.mkv   42.0 %  no connection, next…");
});

Deno.test("figures stand still while they grow: no part of a line moves", () => {
  const total = 1e9;
  const columns = fc.integer({ min: 20, max: 200 });
  const done = fc.integer({ min: 0, max: total });
  const rate = fc.integer({ min: 1000, max: 9e8 });
  fc.assert(fc.property(columns, done, rate, (columns, done, bytesPerSecond) => {
    const line = progressLine({ ...PROGRESS, done, bytesPerSecond }, columns);
    const still = progressLine({ ...PROGRESS, done: 0, bytesPerSecond: 1e6 }, columns);
    for (const mark of ["[", "]", "%", " of ", "/s"]) {
      assertEquals(line.indexOf(mark), still.indexOf(mark), `${line}\n${still}`);
    }
  }));
});

Deno.test("an empty file is complete, and 100 % is not shown before the last byte", () => {
  assertStringIncludes(progressLine({ ...PROGRESS, done: 0, total: 0 }, 80), "100.0 %");
  assertStringIncludes(progressLine({ ...PROGRESS, done: 1e9 - 1, total: 1e9 }, 80), "99.9 %");
});

Deno.test("without a size to reach there is no share, no bar and no time left", () => {
  assertEquals(progressLine({ ...PROGRESS, total: undefined }, 100), "film.mkv   420 MB  10.0 MB/s");
  assertEquals(
    progressLine({ ...PROGRESS, total: undefined, note: "paused" }, 100),
    "film.mkv   420 MB  paused",
  );
});

Deno.test("a progress line fits any terminal, whatever the name", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 300 });
  fc.assert(fc.property(name, fc.integer({ min: 1, max: 300 }), fc.nat(1000), (text, columns, done) => {
    const line = progressLine({ ...PROGRESS, name: text, done, total: 1000 }, columns);
    assertLessOrEqual(textWidth(line), columns);
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
