import { assertEquals, assertThrows } from "@std/assert";
import { ConnectionProblem } from "../../../net/connection_problem.ts";
import { HEAD_BYTES_MOST, parseHead } from "../../../protocols/http_ranges/answer_head.ts";

const bytes = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));
const head = (...lines: readonly string[]) => bytes(`${lines.join("\r\n")}\r\n\r\n`);

Deno.test("a head is read once all of it is there, whatever pieces it comes in", () => {
  const whole = head("HTTP/1.1 206 Partial Content", "Content-Length:  5 ", 'ETag: "a"', "X-Raw: \xc3\xa4");
  const parsed = parseHead(Uint8Array.of(...whole, 1, 2, 3));
  assertEquals(parsed?.status, 206);
  assertEquals(parsed?.framing, { kind: "length", bytes: 5 });
  assertEquals(parsed?.length, whole.length);
  assertEquals([...parsed?.headers ?? []], [["content-length", "5"], ["etag", '"a"'], ["x-raw", "\xc3\xa4"]]);
  for (let cut = 0; cut < whole.length; cut++) assertEquals(parseHead(whole.subarray(0, cut)), undefined);
});

Deno.test("bare line feeds, folded lines, spaces before a colon and repeated headers are taken", () => {
  const parsed = parseHead(bytes("HTTP/1.1 200 \nA : 1\n B\nC: 2\nc: 3\n\nbody"));
  assertEquals([...parsed?.headers ?? []], [["a", "1 B"], ["c", "2, 3"]]);
});

Deno.test("where a body ends, and whether the connection goes on, follows RFC 9112", () => {
  const cases: readonly (readonly [readonly string[], unknown, boolean])[] = [
    [["HTTP/1.1 200 OK"], { kind: "until-close" }, false],
    [["HTTP/1.1 200 OK", "Content-Length: 0"], { kind: "length", bytes: 0 }, true],
    [["HTTP/1.1 200 OK", "Content-Length: 7, 7"], { kind: "length", bytes: 7 }, true],
    [["HTTP/1.1 200 OK", "Content-Length: 7", "Content-Length: 7"], { kind: "length", bytes: 7 }, true],
    [["HTTP/1.1 200 OK", "Content-Length: 7", "Connection: x, Close"], { kind: "length", bytes: 7 }, false],
    [["HTTP/1.1 200 OK", "Transfer-Encoding: Chunked"], { kind: "chunked" }, true],
    [
      ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Length: 3"],
      { kind: "chunked" },
      false,
    ],
    [["HTTP/1.0 200 OK", "Content-Length: 7"], { kind: "length", bytes: 7 }, false],
    [["HTTP/1.0 200 OK", "Content-Length: 7", "Connection: Keep-Alive"], { kind: "length", bytes: 7 }, true],
    [["HTTP/1.1 204 No Content"], { kind: "length", bytes: 0 }, true],
    [["HTTP/1.1 304 Not Modified", "Content-Length: 9"], { kind: "length", bytes: 0 }, true],
    [["HTTP/1.1 204 No Content", "Content-Length: none"], { kind: "length", bytes: 0 }, true],
    [["HTTP/1.1 100 Continue"], { kind: "length", bytes: 0 }, true],
  ];
  for (const [lines, framing, isKeptAlive] of cases) {
    const parsed = parseHead(head(...lines));
    assertEquals([parsed?.framing, parsed?.isKeptAlive], [framing, isKeptAlive], lines.join(" | "));
  }
});

Deno.test("what is no HTTP/1, or whose end can't be told, is refused", () => {
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [bytes("SSH-2.0-OpenSSH_9.6\r\n"), 'does not speak HTTP/1: "SSH-2.0-OpenSSH_9.6\\r"'],
    [head("HTTP/2 200"), "does not speak HTTP/1"],
    [head("HTTP/1.1 20 OK"), "does not speak HTTP/1"],
    [Uint8Array.of(0x15, 3, 3, 0, 2, 1, 0), "its URL begins with https://"],
    [head("HTTP/1.1 200 OK", "no colon"), 'a line that is no header: "no colon"'],
    [head("HTTP/1.1 200 OK", "A: b\rC: d"), "a line that is no header"],
    [head("HTTP/1.1 200 OK", "A: b\0"), "a line that is no header"],
    [head("HTTP/1.1 200 OK", ...Array.from({ length: 501 }, (_, i) => `X-${i}:`)), "501 headers"],
    [head("HTTP/1.1 200 OK", "Content-Length: 5, 6"), 'more than one Content-Length: "5, 6"'],
    [head("HTTP/1.1 200 OK", "Content-Length: +5"), "a Content-Length that is none"],
    [head("HTTP/1.1 200 OK", "Content-Length: 99999999999999999"), "a Content-Length that is none"],
    [
      head("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked"),
      'a Transfer-Encoding other than chunked: "gzip, chunked"',
    ],
    [
      bytes(`HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(HEAD_BYTES_MOST)}`),
      "a head of more than 65536 bytes",
    ],
  ];
  for (const [given, message] of cases) assertThrows(() => parseHead(given), ConnectionProblem, message);
});
