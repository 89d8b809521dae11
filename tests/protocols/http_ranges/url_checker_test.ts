import { assertEquals, assertStringIncludes } from "@std/assert";
import { privateKind } from "../../../net/private_address.ts";
import { judgeHead } from "../../../protocols/http_ranges/url_check.ts";
import { UrlChecker } from "../../../protocols/http_ranges/url_checker.ts";
import { startOrigin } from "../../support/origin.ts";

const never = new AbortController().signal;

Deno.test("the head of an answer tells a file from a page and from a failure", () => {
  const cases: readonly (readonly [number, Record<string, string>, string])[] = [
    [206, {}, "file"],
    [200, {}, "file"],
    [204, {}, "file"],
    [200, { "Content-Type": "text/html" }, "page"],
    [206, { "Content-Type": "TEXT/HTML; charset=utf-8" }, "page"],
    [200, { "Content-Type": "application/xhtml+xml" }, "page"],
    [200, { "Content-Type": "text/html", "Content-Disposition": 'attachment; filename="x"' }, "file"],
    [200, { "Content-Type": "text/htmlx" }, "file"],
    [416, { "Content-Range": "bytes */0" }, "file"],
    [416, { "Content-Range": "bytes */5" }, "unreachable"],
    [403, {}, "unreachable"],
    [404, { "Content-Type": "text/html" }, "unreachable"],
    [500, {}, "unreachable"],
    [304, {}, "unreachable"],
  ];
  for (const [status, headers, kind] of cases) {
    const head = { status, headers: new Headers(headers) };
    assertEquals(judgeHead(head).kind, kind, `${status} ${JSON.stringify(headers)}`);
  }
});

Deno.test("a server that has no use for ranges is asked without", async () => {
  for (const refusal of [400, 403, 405, 416]) {
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      return request.headers.has("range") ? new Response(null, { status: refusal }) : new Response("x");
    });
    using checker = new UrlChecker({ timeoutMs: 5_000 });
    assertEquals((await checker.check(`http://127.0.0.1:${server.addr.port}/`, never)).kind, "file");
  }
});

Deno.test("a URL is followed to where it leads, and no body is fetched", async () => {
  await using origin = startOrigin();
  using checker = new UrlChecker({ timeoutMs: 5_000 });
  const check = async (path: string) => (await checker.check(origin.url + path, never)).kind;
  assertEquals(await check("/held/a"), "file");
  assertEquals(await check("/empty"), "file");
  assertEquals(await check("/page"), "page");
  assertEquals(await check("/missing"), "unreachable");
  assertEquals(await check("/redirect?to=/redirect?to=/files/a"), "file");
  assertEquals(await check("/redirect?to=/page"), "page");
  assertEquals(await check("/redirect?to=/redirect"), "unreachable");
  assertEquals(await check("/redirect?to=ftp://host/"), "unreachable");
  assertEquals(origin.requests[0], "GET /held/a bytes=0-0");
});

/** Loopback by another name: what a name of the internet that means 127.0.0.1 does as well. */
const PRIVATE = [
  (port: number) => `http://127.0.0.1:${port}/files/a`,
  (port: number) => `http://localhost:${port}/files/a`,
  (port: number) => `http://127.1:${port}/files/a`,
  (port: number) => `http://2130706433:${port}/files/a`,
  (port: number) => `http://0x7f.1:${port}/files/a`,
  (port: number) => `http://0:${port}/files/a`,
  (port: number) => `http://[::ffff:127.0.0.1]:${port}/files/a`,
  (port: number) => `http://[::ffff:7f00:1]:${port}/files/a`,
  (port: number) => `http://[::1]:${port}/files/a`,
];

Deno.test("nothing is asked of a private address, however it is written or named", async () => {
  await using origin = startOrigin();
  using checker = new UrlChecker({
    timeoutMs: 5_000,
    admitAddress: (address) => privateKind(address) === undefined,
  });
  for (const url of PRIVATE) {
    const verdict = await checker.check(url(origin.port), never);
    assertEquals(verdict.kind, "unreachable", url(origin.port));
    assertStringIncludes("reason" in verdict ? verdict.reason : "", "private", url(origin.port));
  }
  assertEquals(origin.requests, []);
});

Deno.test("nor when a public server redirects to one", async () => {
  await using inner = startOrigin();
  await using outer = startOrigin();
  for (const to of PRIVATE) {
    let asked = 0;
    // The outer one stands for a public server: the first address that is asked for is its.
    using checker = new UrlChecker({ timeoutMs: 5_000, admitAddress: () => asked++ === 0 });
    const url = `${outer.url}/redirect?to=${encodeURIComponent(to(inner.port))}`;
    assertEquals((await checker.check(url, never)).kind, "unreachable", url);
  }
  assertEquals(outer.requests.length, PRIVATE.length);
  assertEquals(inner.requests, []);
});

Deno.test("a check ends with its client", async () => {
  await using origin = startOrigin();
  using checker = new UrlChecker({ timeoutMs: 60_000 });
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const gone = new AbortController();
  const checking = checker.check(`http://127.0.0.1:${silent.addr.port}/`, gone.signal);
  using _connection = await silent.accept();
  gone.abort(new Error("gone"));
  assertEquals(await checking, { kind: "unreachable", reason: "gone" });
  assertEquals((await checker.check(`${origin.url}/files/a`, never)).kind, "file");
});
