import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type HeadFault, HeadProblem, type HeadRules, HeadScanner, headText } from "../../net/http_fields.ts";
import { parseRequestHead, type RequestHead } from "../../net/request_head.ts";
import { parseResponseHead } from "../../net/response_head.ts";

const RULES: HeadRules = { bytesMost: 32_768, fieldsMost: 100 };

const bytes = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));

/** What becomes of bytes that begin with a request. */
function read(text: string): RequestHead | undefined {
  const scanner = new HeadScanner(RULES);
  const end = scanner.scan(bytes(text));
  if (end === undefined) return undefined;
  return parseRequestHead(headText(bytes(text).subarray(scanner.skipped, end)), RULES);
}

function faultOf(call: () => unknown): HeadFault | "none" {
  try {
    call();
  } catch (error) {
    if (error instanceof HeadProblem) return error.fault;
    throw error;
  }
  return "none";
}

const REFUSED: readonly (readonly [what: string, request: string, fault: HeadFault])[] = [
  [
    "Content-Length and Transfer-Encoding",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "malformed",
  ],
  [
    "Transfer-Encoding and Content-Length",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    "malformed",
  ],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "malformed",
  ],
  [
    "a length twice",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "malformed",
  ],
  ["a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", "malformed"],
  ["a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", "malformed"],
  ["a hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", "malformed"],
  ["an empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", "malformed"],
  ["a huge length", `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${"9".repeat(20)}\r\n\r\n`, "malformed"],
  ["chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "malformed"],
  ["chunked not last", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "malformed"],
  ["a coding alone", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", "malformed"],
  ["nearly chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", "malformed"],
  ["chunked in quotes", 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n', "malformed"],
  [
    "chunked behind a vertical tab",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
    "malformed",
  ],
  [
    "two codings in two headers",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    "unknown-coding",
  ],
  ["chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"],
  [
    "a space before a colon",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
    "malformed",
  ],
  ["a folded line", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", "malformed"],
  ["a line without a colon", "GET / HTTP/1.1\r\nHost: a\r\nx\r\n\r\n", "malformed"],
  ["a bare LF", "GET / HTTP/1.1\r\nHost: a\n\r\n", "malformed"],
  ["only bare LF", "GET / HTTP/1.1\nHost: a\n\n", "malformed"],
  ["a bare CR", "GET / HTTP/1.1\r\nHost: a\rTransfer-Encoding: chunked\r\n\r\n", "malformed"],
  ["a NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", "malformed"],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", "malformed"],
  ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "malformed"],
  ["a Host that is a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "malformed"],
  ["a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "malformed"],
  ["a target without a slash", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  ["a target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  ["a target with a user", "GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  ["two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  ["a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  // Programs that split the line at what they take for white space would find another target.
  ["a target that is not ASCII", "GET /a\x85HTTP/1.0 HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  ["a method that is none", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"],
  ["an endless method", `${"G".repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`, "malformed"],
  ["a space behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "malformed"],
  ["two Origins", "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nOrigin: http://b\r\n\r\n", "malformed"],
  [
    "a length with a no-break space",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\xa0\r\n\r\n",
    "malformed",
  ],
  [
    "chunked behind a no-break space",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0chunked\r\n\r\n",
    "malformed",
  ],
  ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "unknown-version"],
  ["a long head that came at once", `GET / HTTP/1.1\r\nX: ${"x".repeat(40_000)}\r\n\r\n`, "too-long"],
  ["HTTP/0.9", "GET /\r\n\r\n", "malformed"],
  ["the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unknown-version"],
  ["HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "unknown-version"],
  ["TLS", "\x16\x03\x01\x02\0\n\x01", "malformed"],
  ["only empty lines", "\r\n".repeat(10), "malformed"],
  ["a head without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(32_768)}`, "too-long"],
  ["101 headers", `GET / HTTP/1.1\r\nHost: a\r\n${"a: b\r\n".repeat(100)}\r\n`, "too-long"],
];

// With a pattern that tries every way to share the blanks out, each of these takes hours.
const BLANKS = " \t".repeat(15_000);

Deno.test("a head of blanks is refused or read at once", () => {
  assertEquals(faultOf(() => read(`GET / HTTP/1.1\r\nHost: a\r\nX:${BLANKS}\x01\r\n\r\n`)), "malformed");
  assertEquals(faultOf(() => read(`GET / HTTP/1.1\r\nHost: a\r\nX${BLANKS}: a\r\n\r\n`)), "malformed");
  const head = read(`GET / HTTP/1.1\r\nHost: a\r\nX:${BLANKS}a${BLANKS.slice(0, 1_000)}b\t \r\n\r\n`);
  assertEquals(head?.fields[1]?.value, `a${BLANKS.slice(0, 1_000)}b`);
});

for (const [what, request, fault] of REFUSED) {
  Deno.test(`a request is refused: ${what}`, () => assertEquals(faultOf(() => read(request)), fault));
}

Deno.test("a request that came in any pieces is read as if it had come at once", () => {
  const request =
    "\r\nPOST /a?b HTTP/1.1\r\nHost: A.lan:8080\r\nContent-Length: 3\r\nConnection: Close\r\n\r\nabc";
  fc.assert(fc.property(fc.array(fc.nat({ max: request.length })), (cuts) => {
    const scanner = new HeadScanner(RULES);
    let end: number | undefined;
    for (const cut of [...cuts, request.length].sort((a, b) => a - b)) {
      end ??= scanner.scan(bytes(request.slice(0, cut)));
    }
    assertEquals(end, request.length - 3);
    const head = parseRequestHead(headText(bytes(request).subarray(scanner.skipped, end)), RULES);
    assertEquals(head.host, { name: "a.lan", port: 8080 });
    assertEquals([head.method, head.target, head.minor, head.isKeptAlive], ["POST", "/a?b", 1, false]);
    assertEquals(head.framing, { kind: "length", bytes: 3 });
  }));
});

Deno.test("a target with a host overrides Host; the path stays as it was written", () => {
  const cases = [
    ["http://B:81/x/../y?q", "b", 81, "/x/../y?q"],
    ["HTTP://b?q", "b", undefined, "/?q"],
    ["https://[::1]", "[::1]", undefined, "/"],
    ["/%00/%E9", "a", undefined, "/%00/%E9"],
    ["//c/d", "a", undefined, "//c/d"],
  ] as const;
  for (const [target, name, port, path] of cases) {
    const head = read(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assertEquals([head?.host, head?.target], [{ name, port }, path]);
  }
});

Deno.test("the targets of OPTIONS and CONNECT are no paths", () => {
  const cases = [
    ["OPTIONS * HTTP/1.1", "a", "*"],
    ["OPTIONS http://b HTTP/1.1", "b", "*"],
    ["OPTIONS http://b/ HTTP/1.1", "b", "/"],
    ["OPTIONS http://b?* HTTP/1.1", "b", "/?*"],
    ["CONNECT b:443 HTTP/1.1", "b", "b:443"],
  ] as const;
  for (const [line, name, target] of cases) {
    const head = read(`${line}\r\nHost: a\r\n\r\n`);
    assertEquals([head?.host?.name, head?.target], [name, target], line);
    assertEquals(head?.isKeptAlive, !line.startsWith("CONNECT"));
  }
  assertEquals(faultOf(() => read("GET * HTTP/1.1\r\nHost: a\r\n\r\n")), "malformed");
  assertEquals(faultOf(() => read("GET b:80 HTTP/1.1\r\nHost: a\r\n\r\n")), "malformed");
  assertEquals(faultOf(() => read("CONNECT /b HTTP/1.1\r\nHost: a\r\n\r\n")), "malformed");
});

Deno.test("where a response ends is told by its head, or it is refused", () => {
  const length = (count: number) => ({ kind: "length", bytes: count } as const);
  const cases = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", length(5), true],
    ["HTTP/1.1 200\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "GET", length(5), true],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", length(0), true],
    ["HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", length(0), true],
    ["HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", length(0), true],
    [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n",
      "GET",
      { kind: "chunked" },
      false,
    ],
    ["HTTP/1.1 200 OK\r\n\r\n", "GET", { kind: "until-close" }, false],
    ["HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", length(5), false],
    ["HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", "GET", length(5), true],
  ] as const;
  for (const [head, method, framing, isKeptAlive] of cases) {
    const parsed = parseResponseHead(head, { method, rules: RULES });
    assertEquals([parsed.framing, parsed.isKeptAlive], [framing, isKeptAlive], head);
  }
  const refused = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 99 No\r\n\r\n",
    "HTTP/2 200 OK\r\n\r\n",
    "SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/1.1 200 OK\r\nSet-Cookie : a\r\n\r\n",
    "HTTP/1.1 200 a\0b\r\n\r\n",
  ];
  for (const head of refused) {
    assertThrows(
      () => parseResponseHead(head, { method: "GET", rules: RULES }),
      HeadProblem,
      undefined,
      head,
    );
  }
});

Deno.test("a response in chunks of HTTP/1.0 is the last on its connection", () => {
  const head = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n";
  assertEquals(parseResponseHead(head, { method: "GET", rules: RULES }).isKeptAlive, false);
});

/** What is likely to be read in two ways, and pieces of heads around it. */
const PIECE = fc.oneof(
  fc.constantFrom(
    ...["GET / HTTP/1.1", "HTTP/1.1 200 OK", "Host: a", "Content-Length: 1", "Transfer-Encoding: chunked"],
    ...[
      "\r\n",
      "\n",
      "\r",
      " ",
      "\t",
      "\0",
      "\x0b",
      "\x85",
      "\xa0",
      ":",
      ",",
      "\r\n\r\n",
      "\n\n",
      "+",
      "Connection: close",
    ],
  ),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
);
const LINE_END = fc.constantFrom("", "\r\n");
const HEAD = fc.array(fc.tuple(PIECE, LINE_END), { maxLength: 12 }).map((pieces) => pieces.flat().join(""));

Deno.test("whatever comes is read or refused; what is read strictly has one end, and means the same written anew", () => {
  let read = 0;
  fc.assert(
    fc.property(
      HEAD,
      fc.constantFrom("GET / HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 200 OK\r\n", ""),
      (rest, start) => {
        const given = bytes(`${start}${rest}\r\n\r\n`);
        for (const isLenient of [false, true]) {
          const rules = { bytesMost: 4096, fieldsMost: 20, isLenient };
          for (const isRequest of [true, false]) {
            try {
              const scanner = new HeadScanner(rules);
              const end = scanner.scan(given);
              if (end === undefined) continue;
              const text = headText(given.subarray(scanner.skipped, end));
              const parse = (head: string) =>
                isRequest ? parseRequestHead(head, rules) : parseResponseHead(head, { method: "GET", rules });
              const parsed = parse(text);
              if (isLenient) continue;
              read++;
              assertEquals(text.indexOf("\r\n\r\n"), text.length - 4);
              assertEquals(/(?<!\r)\n|\r(?!\n)/.test(text), false);
              const lines = parsed.fields.map(({ name, value }) => `${name}: ${value}\r\n`).join("");
              const again = `${text.slice(0, text.indexOf("\r\n") + 2)}${lines}\r\n`;
              assertEquals(parse(again), parsed);
              const lengths = parsed.fields.filter(({ key }) => key === "content-length");
              const codings = parsed.fields.filter(({ key }) => key === "transfer-encoding");
              if (isRequest) assertEquals(lengths.length + codings.length < 2 || lengths.length === 0, true);
            } catch (error) {
              if (!(error instanceof HeadProblem)) throw error;
            }
          }
        }
      },
    ),
    { numRuns: 2_000 },
  );
  // It would prove nothing if all were refused.
  assertEquals(read > 100, true);
});
