import { assert, assertEquals, assertMatch } from "@std/assert";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import * as fault from "../../support/faults.ts";
import { rangeServer, type Tweak } from "../../support/range_server.ts";
import type { RawHttpServer } from "../../support/raw_http_server.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { download } from "../../support/test_download.ts";

const SIZE = 3_000_000;
const FILE = pseudoRandomBytes(SIZE);
const OTHER = pseudoRandomBytes(SIZE, 2);
const SHORT = OTHER.subarray(0, 2_000_000);
const NONE = new Uint8Array(0);
const ETAG = { etag: '"1"' };
const WEAK = { etag: 'W/"1"' };
const DATED = { "last-modified": "Sat, 21 Nov 2026 10:00:00 GMT" };
const PAGE = { status: 200, headers: { "content-type": "text/html" }, body: FILE.subarray(0, 100) } as const;
const WHOLE = { status: 200, headers: ETAG, body: FILE } as const;
const DATES = { "retry-after": "Sat, 21 Nov 2026 10:00:01 GMT", date: "Sat, 21 Nov 2026 10:00:00 GMT" };

/** What a server does, and what has to come of it. */
interface Case {
  readonly tweak: Tweak;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the error says; without it the file comes, byte for byte. */
  readonly error?: RegExp;
  /** What the file is in the end, if it is another. */
  readonly file?: Uint8Array;
  readonly check?: (server: RawHttpServer) => void;
}

const CASES: Readonly<Record<string, Case>> = {
  "nothing wrong": { tweak: (answer) => answer, check: onlyGets },
  "a range is ignored at once": { tweak: fault.ignoringRange(FILE, ETAG), check: asksOnce },
  "a range is ignored mid-way": { tweak: fault.from(3, fault.ignoringRange(FILE, ETAG)) },
  "a range is ignored mid-way, once": { tweak: fault.at([3], fault.ignoringRange(FILE, ETAG)) },
  "206 with a wrong start, once": { tweak: fault.at([2], fault.misplaced(() => `bytes 0-9/${SIZE}`)) },
  "206 always with a wrong start": {
    tweak: fault.misplaced(({ from, to }) => `bytes ${from + 1}-${to}/${SIZE + 1}`),
  },
  "206 without Content-Range": { tweak: fault.unplaced },
  "206 without Content-Range, mid-way": { tweak: fault.from(3, fault.unplaced) },
  "206 that goes further than asked": {
    tweak: fault.at([1, 2], fault.misplaced(({ from }) => `bytes ${from}-${SIZE - 1}/${SIZE}`)),
  },
  "206 with more bytes than announced": { tweak: fault.excessive },
  "206 shorter than asked": { tweak: fault.from(1, fault.halved(SIZE)) },
  "206 with an unknown total": { tweak: fault.misplaced(({ from, to }) => `bytes ${from}-${to - 1}/*`) },
  "206 with an unknown total, mid-way": {
    tweak: fault.from(2, fault.misplaced(({ from, to }) => `bytes ${from}-${to - 1}/*`)),
  },
  "a body that ends early": { tweak: fault.at([1, 2, 4], fault.cutOff(1000, "end")) },
  "a body that ends before its first byte": { tweak: fault.at([1, 2, 4], fault.cutOff(0, "end")) },
  "a body that is reset": { tweak: fault.at([0, 2, 5], fault.cutOff(70_000, "reset")) },
  "every body is reset": { tweak: fault.cutOff(150_000, "reset") },
  "ETag that changes": { tweak: fault.from(4, fault.replaced(OTHER, { etag: '"2"' })), file: OTHER },
  "a weak ETag that changes": {
    headers: WEAK,
    tweak: fault.from(4, fault.replaced(OTHER, { etag: 'W/"2"' })),
    file: OTHER,
  },
  "Last-Modified that changes": {
    headers: DATED,
    tweak: fault.from(4, fault.replaced(OTHER, { "last-modified": "Sat, 21 Nov 2026 10:00:01 GMT" })),
    file: OTHER,
  },
  "a total that changes": { headers: {}, tweak: fault.from(4, fault.replaced(SHORT, {})), file: SHORT },
  "a file that changes all the time": {
    tweak: (answer, { index }) => ({ ...answer, headers: { ...answer.headers, etag: `"${index}"` } }),
    error: /keeps changing/,
  },
  "a strong validator": { tweak: (answer) => answer, check: sendsIfRange(true) },
  "a weak validator": { headers: WEAK, tweak: (answer) => answer, check: sendsIfRange(false) },
  "chunked 206": { tweak: (answer) => ({ ...answer, framing: "chunked" }) },
  "gzip on a 206": { tweak: fault.at([0, 3], fault.toRanges(fault.headers({ "content-encoding": "gzip" }))) },
  "gzip on every 206": { tweak: fault.toRanges(fault.headers({ "content-encoding": "gzip" })) },
  "gzip on everything": {
    tweak: fault.headers({ "content-encoding": "gzip" }),
    error: /compresses the file \(gzip\)/,
  },
  "multipart/byteranges": {
    tweak: fault.toRanges(fault.headers({ "content-type": "multipart/byteranges; boundary=x" })),
  },
  "416 at the end": { tweak: fault.at([4, 5], fault.refusal(416, { "content-range": `bytes */${SIZE}` })) },
  "416 to any range": { tweak: fault.toRanges(fault.refusal(416)) },
  "405 to any range": { tweak: fault.toRanges(fault.refusal(405)) },
  "400 to any range": { tweak: fault.toRanges(fault.refusal(400)) },
  "an empty file, by 416": { tweak: fault.refusal(416, { "content-range": "bytes */0" }), file: NONE },
  "an empty file, by 200": { tweak: fault.refusal(200), file: NONE },
  "Accept-Ranges: none, but 206": { tweak: fault.headers({ "accept-ranges": "none" }), check: asksOften },
  "429 with Retry-After in seconds": { tweak: fault.at([0], fault.refusal(429, { "retry-after": "1" })) },
  "503 with Retry-After as a date": { tweak: fault.at([2], fault.refusal(503, DATES)) },
  "503 for good": { tweak: fault.refusal(503), error: /503 Service Unavailable/ },
  "500 now and then": { tweak: fault.at([1, 3, 6], fault.refusal(500)) },
  "403 above two connections": { tweak: fault.limited(2, 403) },
  "429 above two connections": { tweak: fault.limited(2, 429) },
  "a URL that works only once": { tweak: fault.from(1, fault.refusal(410)), error: /410 Gone/ },
  "404": { tweak: fault.refusal(404), error: /404 Not Found/ },
  "401": { tweak: fault.refusal(401), error: /--user/ },
  "no answer to one request": { tweak: fault.at([3], fault.unanswered) },
  "no answer at all": { tweak: fault.unanswered, error: /No answer from 127.0.0.1/ },
  "a connection that falls silent": { tweak: fault.at([2], fault.cutOff(1000, "silence")) },
  "a connection that drips": { tweak: fault.at([2], fault.dripping) },
  "a login page instead of the file": { tweak: () => PAGE, error: /web page instead of the file/ },
  "a login page mid-way": { tweak: fault.from(3, () => PAGE), error: /web page instead of the file/ },
  "chunks without a length": { tweak: () => ({ ...WHOLE, framing: "chunked" }) },
  "chunks without a length, cut off": {
    tweak: () => ({ ...WHOLE, framing: "chunked", then: { after: 1_000_000, what: "end" } }),
    error: /in the middle of its answer/,
  },
  "chunks without a length, cut off once": {
    tweak: fault.at([0], () => ({ ...WHOLE, framing: "chunked", then: { after: 1_000_000, what: "end" } })),
  },
  "HTTP/1.0, which ends with the connection": { tweak: () => ({ ...WHOLE, framing: "close" }) },
  "one stream, cut off": {
    tweak: () => ({ ...WHOLE, then: { after: 1_000_000, what: "end" } }),
    error: /after 1000000 of 3000000 bytes/,
  },
  "something that does not speak HTTP": { tweak: fault.nonsense, error: /does not speak HTTP/ },
};

for (const [name, { tweak, headers = ETAG, error, file = FILE, check }] of Object.entries(CASES)) {
  Deno.test(`${name}: ${error === undefined ? "the file is exact" : "the error is clear"}`, async () => {
    await using dir = await tempDir();
    await using server = await rangeServer(FILE, { tweak, headers });
    const { state, files, bytes } = await download(`${server.origin}/data.bin`, dir.path);
    if (error === undefined) {
      assertEquals([state.kind, files], ["done", ["data.bin"]], JSON.stringify(state));
      assert(bytes !== undefined && isSame(bytes, file), "The file is another");
    } else {
      assert(state.kind === "failed", JSON.stringify(state));
      assertMatch(state.reason, error);
      // A part may stay, to go on with; under the final name there is nothing.
      assertEquals(files.filter((each) => !/\.part(\.journal)?$/.test(each)), []);
    }
    check?.(server);
  });
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function onlyGets({ requests }: RawHttpServer): void {
  assertEquals(new Set(requests.map(({ method }) => method)), new Set(["GET"]));
}

function asksOnce({ requests }: RawHttpServer): void {
  assertEquals(requests.length, 1);
}

function asksOften({ requests }: RawHttpServer): void {
  assert(requests.length > 4, `${requests.length}`);
}

/** Whether `If-Range` is sent once there is something to send: a weak tag must not be (RFC 9110 section 13.1.5). */
function sendsIfRange(isSent: boolean): (server: RawHttpServer) => void {
  return ({ requests }) => {
    const sent = requests.slice(1).map(({ headers }) => headers.has("if-range"));
    assertEquals(new Set(sent), new Set([isSent]));
  };
}
