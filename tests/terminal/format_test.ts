import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatBytes, formatDuration, formatRate } from "../../terminal/format.ts";

const BYTES: readonly (readonly [number, string])[] = [
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.00 KB"],
  [1_536_000, "1.54 MB"],
  [9_994_999, "9.99 MB"],
  [9_995_000, "10.0 MB"],
  [99_949_999, "99.9 MB"],
  [99_950_000, "100 MB"],
  [999_499_999, "999 MB"],
  [999_500_000, "1.00 GB"],
  [5 * 2 ** 40, "5.50 TB"],
  [Number.MAX_SAFE_INTEGER, "9.01 PB"],
];

const DURATIONS: readonly (readonly [number, string])[] = [
  [0, "0s"],
  [0.1, "1s"],
  [59, "59s"],
  [59.5, "1m00s"],
  [185, "3m05s"],
  [3599.2, "1h00m"],
  [7620, "2h07m"],
  [86_400, "1d00h"],
  [360_000, "4d04h"],
  [8_639_999, "99d23h"],
  [8_640_000, "100d+"],
];

Deno.test("formatBytes", () => {
  for (const [bytes, text] of BYTES) assertEquals(formatBytes(bytes), text);
  assertEquals(formatRate(12_340_000), "12.3 MB/s");
});

Deno.test("formatBytes never shows more than three digits before a unit", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => {
    assertEquals(
      /^(\d{1,3}|\d\.\d\d|\d\d\.\d) [KMGTP]?B$/.test(formatBytes(bytes)),
      true,
      formatBytes(bytes),
    );
  }));
});

Deno.test("formatDuration", () => {
  for (const [seconds, text] of DURATIONS) assertEquals(formatDuration(seconds), text);
});
