import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { HAS_UNIX_FILES } from "../../support/machine.ts";
import { plainClient } from "../../support/plain_client.ts";
import { type TestServer, testServer } from "../../support/upload_server.ts";

async function get(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  const response = await fetch(url, { headers, method });
  return new Response(
    await response.arrayBuffer().then((bytes) => bytes.byteLength === 0 ? null : bytes),
    response,
  );
}

/** Sends a request as it is written; `fetch` would tidy the path and set its own `Host`. */
async function raw(server: TestServer, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.server.port });
  await connection.write(new TextEncoder().encode(request));
  return await new Response(connection.readable).text().catch(() => "");
}

Deno.test("a received file is served whole, in ranges, and on conditions", async () => {
  await using server = await testServer();
  const bytes = pseudoRandomBytes(3_000_000);
  await Deno.writeFile(join(server.dir, "data.bin"), bytes);
  const url = `${server.url}/files/data.bin`;
  const whole = await get(url);
  assertEquals(whole.status, 200);
  assertEquals(whole.headers.get("accept-ranges"), "bytes");
  assertEquals(sha256(await whole.bytes()), sha256(bytes));
  const etag = whole.headers.get("etag") ?? "";
  assertMatch(etag, /^"[^"]+"$/);

  const ranges = [["bytes=0-0", 0, 1], ["bytes=1000-1999", 1000, 2000], ["bytes=-5", 2_999_995, 3_000_000], [
    "bytes=2999999-9999999",
    2_999_999,
    3_000_000,
  ]] as const;
  for (const [range, start, end] of ranges) {
    const part = await get(url, { Range: range });
    assertEquals(part.status, 206, range);
    assertEquals(part.headers.get("content-range"), `bytes ${start}-${end - 1}/3000000`);
    assertEquals(await part.bytes(), bytes.slice(start, end));
  }
  assertEquals((await get(url, { Range: "bytes=3000000-" })).status, 416);
  assertEquals((await get(url, { "If-None-Match": etag })).status, 304);
  assertEquals((await get(url, { Range: "bytes=0-9", "If-Range": etag })).status, 206);
  assertEquals((await get(url, { Range: "bytes=0-9", "If-Range": '"other"' })).status, 200);
  const head = await get(url, {}, "HEAD");
  assertEquals([head.status, head.headers.get("content-length")], [200, "3000000"]);
  await Deno.writeFile(join(server.dir, "data.bin"), bytes.subarray(1));
  assertEquals((await get(url, { "If-None-Match": etag })).status, 200);
});

Deno.test("what a browser would run is offered for saving, and nothing is sniffed", async () => {
  await using server = await testServer();
  const cases = [
    ["page.html", true],
    ["image.svg", true],
    ["script.js", true],
    ["unknown", true],
    ["paper.pdf", true],
    ["photo.jpg", false],
    ["film.mkv", false],
    ["notes.txt", false],
    ["résumé (1)'.html", true],
  ] as const;
  for (const [name, saved] of cases) {
    await Deno.writeTextFile(join(server.dir, name), "<script>alert(1)</script>");
    const { headers } = await get(`${server.url}/files/${encodeURIComponent(name)}`);
    assertEquals((headers.get("content-disposition") ?? "").startsWith("attachment"), saved, name);
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertStringIncludes(headers.get("content-security-policy") ?? "", "sandbox");
  }
  const { headers } = await get(`${server.url}/files/${encodeURIComponent("résumé (1)'.html")}`);
  assertEquals(
    headers.get("content-disposition"),
    "attachment; filename*=UTF-8''r%C3%A9sum%C3%A9%20%281%29%27.html",
  );
});

Deno.test({
  name: "nothing but received files is served: no parts, hidden files, links, folders or parents",
  ignore: !HAS_UNIX_FILES,
}, async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  await client.ask({ action: "start", fileId: "f", fileName: "x", fileSize: 1 });
  await Deno.writeTextFile(join(server.dir, ".secret"), "s");
  await Deno.mkdir(join(server.dir, "folder/.git"), { recursive: true });
  await Deno.writeTextFile(join(server.dir, "folder/.git/config"), "s");
  await Deno.writeTextFile(join(server.dir, "folder/ok.txt"), "ok");
  await Deno.symlink("/etc", join(server.dir, "etc"));
  await Deno.symlink("/etc/passwd", join(server.dir, "passwd"));
  assertEquals(await (await get(`${server.url}/files/folder/ok.txt`)).text(), "ok");
  const paths = [
    "/files/x.part",
    "/files/x.part.journal",
    "/files/.secret",
    "/files/folder/.git/config",
    "/files/etc/passwd",
    "/files/passwd",
    "/files/folder",
    "/files/folder/",
    "/files/",
    "/files",
    "/files/../deno.json",
    "/files/..%2f..%2f..%2fetc%2fpasswd",
    "/files/%2e%2e/%2e%2e/etc/passwd",
    "/files//etc/passwd",
    "/files/%00",
    "/files/%zz",
    "/files/ok.txt",
    "//files/folder/ok.txt",
    "/nothing",
  ];
  for (const path of paths) {
    const answer = await raw(server, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    assertStringIncludes(answer.slice(0, 13), " 404", path);
  }
});

Deno.test("a name with markup, quotes and spaces comes back as it is", async () => {
  await using server = await testServer();
  const name = "a b&c#d%20é'(1).txt";
  await Deno.writeTextFile(join(server.dir, name), "text");
  assertEquals(await (await get(`${server.url}/files/${encodeURIComponent(name)}`)).text(), "text");
});

Deno.test("the page comes with a strict policy, and only GET and HEAD are answered", async () => {
  const page = new Map([["/", { contentType: "text/html; charset=utf-8", body: "<p>hello" }]]);
  await using server = await testServer({ page });
  const response = await get(server.url);
  assertEquals(await response.text(), "<p>hello");
  assertStringIncludes(response.headers.get("content-security-policy") ?? "", "default-src 'none'");
  assertEquals((await get(server.url, {}, "HEAD")).status, 200);
  assertEquals((await get(server.url, {}, "POST")).status, 405);
  assertEquals(await (await get(`${server.url}/healthz`)).text(), "ok\n");
});

Deno.test("a page that points its own name at this machine gets nothing", async () => {
  await using server = await testServer({ allowedOrigins: ["https://files.example.org"] });
  const { port } = server.server;
  const cases = [
    [`evil.example:${port}`, "403"],
    ["localhost.evil.example", "403"],
    [`localhost:${port}`, "200"],
    ["127.0.0.1", "200"],
    ["[::1]", "200"],
    ["files.example.org", "200"],
  ] as const;
  for (const [host, status] of cases) {
    const answer = await raw(server, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assertStringIncludes(answer.slice(0, 13), status, host);
  }
});
