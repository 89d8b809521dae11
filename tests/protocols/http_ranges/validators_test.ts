import { assertEquals } from "@std/assert";
import { difference, ifRange, readValidators } from "../../../protocols/http_ranges/validators.ts";

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
