import { assertEquals } from "@std/assert";
import { type ContentRange, parseContentRange } from "../../../protocols/http_ranges/content_range.ts";
import { retryAfterMs } from "../../../protocols/http_ranges/retry_after.ts";
import { difference, ifRange, readValidators } from "../../../protocols/http_ranges/validators.ts";

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

Deno.test("Retry-After is seconds, or a date by the server's clock", () => {
  const nowMs = Date.parse("Sat, 21 Nov 2026 12:00:00 GMT");
  const wait = (retryAfter: string | null, date?: string) => retryAfterMs({ retryAfter, date, nowMs });
  assertEquals(wait("120"), 120_000);
  assertEquals(wait(" 0 "), 0);
  assertEquals(wait("Sat, 21 Nov 2026 12:00:30 GMT"), 30_000);
  assertEquals(wait("Sat, 21 Nov 2026 11:00:30 GMT", "Sat, 21 Nov 2026 11:00:00 GMT"), 30_000);
  assertEquals(wait("Saturday, 21-Nov-26 12:00:30 GMT"), 30_000);
  assertEquals(wait("Sat, 21 Nov 2026 11:00:00 GMT"), 0);
  assertEquals(wait("999999999"), 3_600_000);
  for (const nothing of ["soon", "-5", "1.5", "", null]) {
    assertEquals(wait(nothing), undefined, String(nothing));
  }
});

Deno.test("only strong validators go into If-Range", () => {
  const lastModified = "Sat, 21 Nov 2026 12:00:00 GMT";
  assertEquals(ifRange({ etag: '"a"' }), '"a"');
  assertEquals(ifRange({ etag: 'W/"a"' }), undefined);
  assertEquals(ifRange({ etag: 'W/"a"', lastModified, date: "Sat, 21 Nov 2026 13:00:00 GMT" }), undefined);
  assertEquals(ifRange({ etag: "a" }), undefined);
  assertEquals(ifRange({ lastModified, date: "Sat, 21 Nov 2026 12:00:01 GMT" }), lastModified);
  // It may change once more within the same second.
  assertEquals(ifRange({ lastModified, date: lastModified }), undefined);
  assertEquals(ifRange({ lastModified }), undefined);
  assertEquals(ifRange({}), undefined);
});

Deno.test("a file differs when a validator does, or is missing unless the server compared them itself", () => {
  const lastModified = "Sat, 21 Nov 2026 12:00:00 GMT";
  const differs = (known: object, now: object, wasConfirmed = false) =>
    difference(known, now, wasConfirmed) !== undefined;
  assertEquals(differs({ etag: '"a"', lastModified }, { etag: '"a"', lastModified }), false);
  assertEquals(differs({ etag: '"a"' }, { etag: '"b"' }), true);
  assertEquals(differs({ etag: '"a"' }, { etag: 'W/"a"' }), false);
  assertEquals(
    differs({ etag: '"a"', lastModified }, { etag: '"a"', lastModified: "Sat, 21 Nov 2026 12:00:01 GMT" }),
    true,
  );
  assertEquals(differs({ lastModified }, { lastModified: "Saturday, 21-Nov-26 12:00:00 GMT" }), false);
  assertEquals(differs({ etag: '"a"' }, {}), true);
  assertEquals(differs({ etag: '"a"' }, {}, true), false);
  assertEquals(differs({}, { etag: '"a"', lastModified }), false);
});

Deno.test("what is no entity tag is not taken for one", () => {
  const etagOf = (etag: string) => readValidators(new Headers({ etag })).etag;
  assertEquals(etagOf('"x-1"'), '"x-1"');
  assertEquals(etagOf('W/"x-1"'), 'W/"x-1"');
  assertEquals(etagOf("bare"), "bare");
  assertEquals(etagOf("two words"), undefined);
});
