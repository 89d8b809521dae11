import { assertEquals } from "@std/assert";
import { type ContentRange, parseContentRange } from "../../../protocols/http_ranges/content_range.ts";

const CONTENT_RANGES: readonly (readonly [header: string, range: ContentRange | undefined])[] = [
  ["bytes 0-99/1000", { kind: "range", from: 0, to: 100, size: 1000 }],
  ["bytes 5-5/6", { kind: "range", from: 5, to: 6, size: 6 }],
  ["Bytes  0 - 99 / * ", { kind: "range", from: 0, to: 100, size: undefined }],
  ["bytes */1000", { kind: "unsatisfied", size: 1000 }],
  ["bytes */0", { kind: "unsatisfied", size: 0 }],
  ["bytes */*", undefined],
  ["bytes 9-8/10", undefined],
  ["bytes 0-10/10", undefined],
  ["bytes 0-9999999999999999/*", undefined],
  ["items 0-9/10", undefined],
  ["bytes -5/10", undefined],
  ["bytes=0-9/10", undefined],
  ["", undefined],
];

for (const [header, range] of CONTENT_RANGES) {
  Deno.test(`Content-Range: ${header} is ${range?.kind ?? "none"}`, () => {
    assertEquals(parseContentRange(header), range);
  });
}
