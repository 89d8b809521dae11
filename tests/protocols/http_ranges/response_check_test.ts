import { assertEquals } from "@std/assert";
import { type Asked, checkResponse, type Verdict } from "../../../protocols/http_ranges/response_check.ts";

const NOW_MS = Date.parse("Sat, 21 Nov 2026 12:00:00 GMT");
const MODIFIED = "Sat, 21 Nov 2026 10:00:00 GMT";

/** The first request of a download, for [0, 100). */
const PROBE: Asked = {
  from: 0,
  to: 100,
  size: undefined,
  validators: undefined,
  isConditional: false,
  isProven: false,
  isRedirected: false,
  refusesPages: true,
  isCompressedFile: false,
};
/** A later one, for [100, 200) of 1000. */
const LATER: Asked = {
  ...PROBE,
  from: 100,
  to: 200,
  size: 1000,
  validators: { etag: '"a"' },
  isConditional: true,
  isProven: true,
};
const WHOLE: Asked = { ...PROBE, to: undefined };

type Case = readonly [
  behaviour: string,
  asked: Asked,
  status: number,
  headers: Readonly<Record<string, string>>,
  verdict: Partial<Verdict>,
];

const ranged = { "content-range": "bytes 0-99/1000" };
const later = { "content-range": "bytes 100-199/1000", etag: '"a"' };

const CASES: readonly Case[] = [
  ["a part as asked", PROBE, 206, ranged, { kind: "ranged", from: 0, to: 100, size: 1000 }],
  ["a shorter part", PROBE, 206, { "content-range": "bytes 0-9/1000" }, { kind: "ranged", to: 10 }],
  ["a part of a file shorter than asked", PROBE, 206, { "content-range": "bytes 0-9/10" }, {
    to: 10,
    size: 10,
  }],
  ["a part in chunks", PROBE, 206, { ...ranged, "transfer-encoding": "chunked" }, { kind: "ranged" }],
  ["a part despite Accept-Ranges: none", PROBE, 206, { ...ranged, "accept-ranges": "none" }, {
    kind: "ranged",
  }],
  ["a later part", LATER, 206, later, { kind: "ranged", from: 100, to: 200 }],
  ["a later part with an unknown total", LATER, 206, { ...later, "content-range": "bytes 100-199/*" }, {
    kind: "ranged",
    size: 1000,
  }],
  ["a part that leaves out what If-Range confirmed", LATER, 206, { "content-range": "bytes 100-199/1000" }, {
    kind: "ranged",
  }],
  ["a first part with an unknown total", PROBE, 206, { "content-range": "bytes 0-99/*" }, {
    kind: "plain-get",
  }],
  ["a part with another start", LATER, 206, { ...later, "content-range": "bytes 0-99/1000" }, {
    kind: "wrong",
  }],
  ["a part beyond what was asked", LATER, 206, { ...later, "content-range": "bytes 100-299/1000" }, {
    kind: "wrong",
  }],
  ["a part without Content-Range", LATER, 206, { etag: '"a"' }, { kind: "wrong" }],
  ["a part of another length than announced", LATER, 206, { ...later, "content-length": "99" }, {
    kind: "wrong",
  }],
  ["a compressed part", LATER, 206, { ...later, "content-encoding": "gzip" }, { kind: "wrong" }],
  ["several parts", LATER, 206, { ...later, "content-type": "multipart/byteranges; boundary=x" }, {
    kind: "wrong",
  }],
  ["a part nobody asked for", WHOLE, 206, ranged, { kind: "wrong" }],
  ["a part of another total", LATER, 206, { ...later, "content-range": "bytes 100-199/1001" }, {
    kind: "changed",
  }],
  ["a part of another ETag", LATER, 206, { ...later, etag: '"b"' }, { kind: "changed" }],
  ["a part of another date", { ...LATER, validators: { lastModified: MODIFIED } }, 206, {
    ...later,
    "last-modified": "Sat, 21 Nov 2026 10:00:01 GMT",
  }, { kind: "changed" }],
  ["a part without the ETag it had", { ...LATER, isConditional: false }, 206, {
    "content-range": "bytes 100-199/1000",
  }, { kind: "changed" }],

  ["the whole file", PROBE, 200, { "content-length": "1000" }, { kind: "whole", size: 1000 }],
  ["the whole file in chunks", PROBE, 200, { "content-length": "7", "transfer-encoding": "chunked" }, {
    kind: "whole",
    size: undefined,
  }],
  ["the whole file mid-way", LATER, 200, { etag: '"a"', "content-length": "1000" }, { kind: "whole" }],
  ["the whole of another file mid-way", LATER, 200, { etag: '"b"', "content-length": "1000" }, {
    kind: "changed",
  }],
  ["a file of another length", LATER, 200, { etag: '"a"', "content-length": "999" }, { kind: "changed" }],
  ["an empty file", PROBE, 200, { "content-length": "0" }, { kind: "empty" }],
  ["an empty file that has no ranges", PROBE, 416, { "content-range": "bytes */0" }, { kind: "empty" }],
  ["a file compressed on the way", WHOLE, 200, { "content-encoding": "gzip" }, { kind: "wrong" }],
  ["a file that is compressed itself", { ...WHOLE, isCompressedFile: true }, 200, {
    "content-encoding": "x-gzip",
  }, {
    kind: "whole",
  }],
  ["a login page", PROBE, 200, { "content-type": "text/html; charset=utf-8" }, { kind: "refused" }],
  ["a login page with ranges", PROBE, 206, { ...ranged, "content-type": "text/html" }, { kind: "refused" }],
  ["a login page with ranges mid-way", LATER, 206, { ...later, etag: '"b"', "content-type": "text/html" }, {
    kind: "refused",
  }],
  ["a part of a page to be saved", PROBE, 206, {
    ...ranged,
    "content-type": "text/html",
    "content-disposition": "attachment",
  }, { kind: "ranged" }],
  ["a page that is the file", { ...PROBE, refusesPages: false }, 200, { "content-type": "text/html" }, {
    kind: "whole",
  }],
  ["a page to be saved", PROBE, 200, {
    "content-type": "text/html",
    "content-disposition": "attachment; filename=report",
  }, { kind: "whole" }],

  ["416 at first", PROBE, 416, {}, { kind: "plain-get" }],
  ["416 at the end", LATER, 416, { "content-range": "bytes */1000" }, { kind: "wrong" }],
  ["416 by a file that got shorter", LATER, 416, { "content-range": "bytes */50" }, { kind: "changed" }],
  ["400 at first", PROBE, 400, {}, { kind: "plain-get" }],
  ["403 at first", PROBE, 403, {}, { kind: "plain-get" }],
  ["405 at first", PROBE, 405, {}, { kind: "plain-get" }],
  ["403 without a range", WHOLE, 403, {}, { kind: "refused" }],
  ["403 to one connection more", LATER, 403, {}, { kind: "busy" }],
  ["403 where a redirect led", { ...LATER, isRedirected: true }, 403, {}, { kind: "expired" }],
  ["410 where a redirect led", { ...LATER, isRedirected: true }, 410, {}, { kind: "expired" }],
  ["404", PROBE, 404, {}, { kind: "refused" }],
  ["410 later", LATER, 410, {}, { kind: "refused" }],
  ["401", PROBE, 401, {}, { kind: "refused" }],
  ["429 with seconds", LATER, 429, { "retry-after": "7" }, { kind: "busy", retryAfterMs: 7000 }],
  ["503 with a date", PROBE, 503, { "retry-after": "Sat, 21 Nov 2026 12:00:09 GMT" }, {
    kind: "busy",
    retryAfterMs: 9000,
  }],
  ["503 without a word", PROBE, 503, {}, { kind: "busy" }],
  ["500", PROBE, 500, {}, { kind: "trouble" }],
  ["502", LATER, 502, {}, { kind: "trouble" }],
  ["a redirect", PROBE, 302, { location: "/other" }, { kind: "redirect", location: "/other" }],
  ["a redirect to nowhere", PROBE, 302, {}, { kind: "refused" }],
  ["304", PROBE, 304, {}, { kind: "refused" }],
  ["204", PROBE, 204, {}, { kind: "refused" }],
];

for (const [behaviour, asked, status, headers, expected] of CASES) {
  Deno.test(`${behaviour}: ${"kind" in expected ? expected.kind : "ranged"}`, () => {
    const verdict = checkResponse(asked, { status, headers: new Headers(headers) }, NOW_MS);
    const compared = Object.fromEntries(
      Object.keys(expected).map((key) => [key, Object.entries(verdict).find(([name]) => name === key)?.[1]]),
    );
    assertEquals(compared, { ...expected }, JSON.stringify(verdict));
  });
}
