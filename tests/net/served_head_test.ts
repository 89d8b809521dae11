import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HeadProblem, STATUS_OF_FAULT } from "../../net/http_fields.ts";
import { parseServedHead } from "../../net/served_head.ts";

/** Reads a head of lines. */
function read(...lines: readonly string[]) {
  return parseServedHead(`${lines.join("\r\n")}\r\n\r\n`, { bytesMost: 16_384, fieldsMost: 100 });
}

const HOST = "Host: localhost";

Deno.test("a request's head is read", () => {
  const parsed = read("POST /a/b?c=d HTTP/1.1", HOST, "content-LENGTH:5", "X-A: 1", "x-a:  2 ");
  assertEquals({ ...parsed, headers: Object.fromEntries(parsed.headers) }, {
    method: "POST",
    target: "/a/b?c=d",
    path: "/a/b",
    query: "c=d",
    headers: { host: "localhost", "content-length": "5", "x-a": "1, 2" },
    framing: { kind: "length", bytes: 5 },
    keepsAlive: true,
    expectsContinue: false,
  });
});

Deno.test("an absolute target has the last word on the host", () => {
  const { path, query, headers } = read("GET http://a.example?x HTTP/1.1", "Host: b.example");
  assertEquals([path, query, headers.get("host")], ["/", "x", "a.example"]);
});

Deno.test("a connection is kept, or not, as the client says", () => {
  const keeps = (...lines: string[]) => read(...lines).keepsAlive;
  assertEquals(keeps("GET / HTTP/1.1", HOST), true);
  assertEquals(keeps("GET / HTTP/1.1", HOST, "Connection: x, Close"), false);
  assertEquals(keeps("GET / HTTP/1.0"), false);
  assertEquals(keeps("GET / HTTP/1.0", HOST, "Connection: keep-alive"), false);
});

Deno.test("what two readers could take for two requests is refused", () => {
  const cases: [number, ...string[]][] = [
    [400, "GET /"],
    [400, "GET  / HTTP/1.1", HOST],
    [505, "GET / HTTP/2.0", HOST],
    [400, "GET / HTTP/1.1 ", HOST],
    [400, "GET a HTTP/1.1", HOST],
    [400, "GET /\u00e4 HTTP/1.1", HOST],
    [400, "G@T / HTTP/1.1", HOST],
    [400, "GET / HTTP/1.1"],
    [400, "GET / HTTP/1.1", HOST, HOST],
    [400, "GET / HTTP/1.1", HOST, "Name : x"],
    [400, "GET / HTTP/1.1", HOST, " folded"],
    [400, "GET / HTTP/1.1", HOST, "X: a", "\tfolded"],
    [400, "CONNECT a:80 HTTP/1.1", HOST],
    [400, "GET / HTTP/1.1", "Host: a/b"],
    [400, "GET / HTTP/1.1", HOST, "Origin: http://a", "Origin: http://b"],
    [400, "POST / HTTP/1.1", HOST, "Content-Length: 5\xa0"],
    [400, "POST / HTTP/1.1", HOST, "Transfer-Encoding: \xa0chunked"],
    [400, "GET / HTTP/1.1", HOST, ": x"],
    [400, "GET / HTTP/1.1", HOST, "X: a\nY: b"],
    [400, "GET / HTTP/1.1", HOST, "X: a\rb"],
    [400, "GET / HTTP/1.1", HOST, "X: \0"],
    [400, "POST / HTTP/1.1", HOST, "Content-Length: 5", "Content-Length: 5"],
    [400, "POST / HTTP/1.1", HOST, "Content-Length: 5, 6"],
    [400, "POST / HTTP/1.1", HOST, "Content-Length: +5"],
    [400, "POST / HTTP/1.1", HOST, "Content-Length: 0x5"],
    [400, "POST / HTTP/1.1", HOST, "Content-Length: -1"],
    [400, "POST / HTTP/1.1", HOST, "Content-Length: 5", "Transfer-Encoding: chunked"],
    [400, "POST / HTTP/1.0", HOST, "Transfer-Encoding: chunked"],
    [400, "POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    [501, "POST / HTTP/1.1", HOST, "Transfer-Encoding: gzip, chunked"],
    [400, "POST / HTTP/1.1", HOST, "Transfer-Encoding: xchunked"],
    [431, "GET / HTTP/1.1", HOST, ...new Array(100).fill("A: b")],
  ];
  for (const [status, ...lines] of cases) {
    const error = assertThrows(
      () => read(...lines),
      HeadProblem,
      undefined,
      lines.join("|"),
    );
    assertEquals(STATUS_OF_FAULT[error.fault], status, lines.join("|"));
  }
});

Deno.test("whatever comes is read or refused", () => {
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("GET / HTTP/1.1", HOST, "Content-Length: 1", "Transfer-Encoding: chunked", ""),
  );
  fc.assert(fc.property(fc.array(line), (lines) => {
    try {
      const { path } = read(...lines);
      assertEquals(path.startsWith("/") || path === "*", true);
    } catch (error) {
      if (!(error instanceof HeadProblem)) throw error;
    }
  }));
});
