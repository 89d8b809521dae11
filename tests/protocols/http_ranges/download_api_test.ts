import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, sha256 } from "../../support/bytes.ts";
import { ask, type Item, until } from "../../support/download_api.ts";
import { startDownloadServer } from "../../support/download_server.ts";
import { HELD_BYTES, ORIGIN_BYTES, startOrigin } from "../../support/origin.ts";
import { rawHttpServer } from "../../support/raw_http_server.ts";
import { tempDir } from "../../support/temp_dir.ts";

Deno.test("what is posted is fetched, and everything about it can be asked", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path });
  const url = `${origin.url}/files/a.bin`;
  const { status, body: [added] } = await ask(server.api, "POST", { urls: [url] });
  assertEquals(status, 201);
  assertEquals([added.id, added.url, added.bytes, added.received, added.threads], [1, url, null, 0, 0]);
  const done = await until(server, 1, ({ state }) => state === "done");
  assertEquals([done.bytes, done.received, done.name], [300_000, 300_000, "a.bin"]);
  assertEquals(done.path, join(server.files, "a.bin"));
  assertEquals((await ask(server.api)).body, [done]);
  assertEquals((await ask(`${server.api}/1`)).body, done);
  assertEquals(await filesBelow(server.files), ["a.bin"]);
  const file = await fetch(`${server.server.url}/downloads/a.bin`, { headers: { Range: "bytes=5-9" } });
  assertEquals([file.status, await file.bytes()], [206, ORIGIN_BYTES.slice(5, 10)]);
  assertEquals((await ask(server.api, "POST", { urls: [url] })).body, [done]);
  assertEquals(server.events.map(({ type }) => type), ["queued", "started", "done"]);
});

Deno.test("a download is paused, resumed, cancelled, tried again and forgotten", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path });
  await ask(server.api, "POST", { urls: [`${origin.url}/held/a.bin`] });
  const one = `${server.api}/1`;
  await until(server, 1, ({ received }) => received === HELD_BYTES);
  const paused = await ask(`${one}/pause`, "POST");
  assertEquals([paused.status, paused.body.state], [200, "paused"]);
  assertEquals((await ask(`${one}/pause`, "POST")).status, 409);
  assertEquals((await ask(`${one}/resume`, "POST")).status, 200);
  await until(server, 1, ({ state, received }) => state === "active" && received === HELD_BYTES);
  assertEquals((await ask(one, "DELETE")).body.state, "cancelled");
  await until(server, 1, ({ state, received }) => state === "cancelled" && received === 0);
  assertEquals((await ask(`${one}/retry`, "POST")).status, 200);
  await until(server, 1, ({ state, received }) => state === "active" && received === HELD_BYTES);
  const ranges = origin.requests.filter((line) => line.startsWith("GET /held/")).map((line) =>
    line.split(" ")[2]
  );
  // Looked at, begun, looked at, continued, looked at, begun anew.
  assertEquals(ranges.filter((range) => range !== "bytes=0-0"), ["", `bytes=${HELD_BYTES}-`, ""]);
  origin.release();
  await until(server, 1, ({ state }) => state === "done");
  assertEquals(sha256(await Deno.readFile(join(server.files, "a.bin"))), sha256(ORIGIN_BYTES));
  assertEquals((await ask(one, "DELETE")).status, 204);
  assertEquals((await ask(one)).status, 404);
  assertEquals(await filesBelow(server.files), ["a.bin"]);
});

Deno.test("all downloads are paused, resumed and cleared at once", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path });
  const urls = Array.from({ length: 5 }, (_, i) => `${origin.url}/held/${i}.bin`);
  await ask(server.api, "POST", { urls });
  const states = async () =>
    (await ask(server.api)).body.map(({ id, state }: Item) => `${id} ${state}`).sort();
  assertEquals((await ask(`${server.api}/pause`, "POST")).body, { changed: 5 });
  assertEquals(await states(), ["1 paused", "2 paused", "3 paused", "4 paused", "5 paused"]);
  assertEquals((await ask(`${server.api}/resume`, "POST")).body, { changed: 5 });
  await until(server, 2, ({ state }) => state === "active");
  assertEquals(await states(), ["1 active", "2 active", "3 queued", "4 queued", "5 queued"]);
  origin.release();
  for (const id of [1, 2, 3, 4, 5]) await until(server, id, ({ state }) => state === "done");
  assertEquals((await ask(server.api, "DELETE")).body, { changed: 5 });
  assertEquals((await ask(server.api)).body, []);
  assertEquals((await filesBelow(server.files)).length, 5);
});

Deno.test("what goes wrong is told with its reason, and can be tried again", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path });
  const urls = [`${origin.url}/missing`, `${origin.url}/page`];
  assertEquals((await ask(server.api, "POST", { urls })).status, 201);
  const missing = await until(server, 1, ({ state }) => state === "failed");
  assertStringIncludes(missing.error ?? "", "404");
  const page = await until(server, 2, ({ state }) => state === "failed");
  assertEquals(page.error, "It is a web page, not a file");
  assertEquals((await ask(`${server.api}/1/retry`, "POST")).status, 200);
  await until(server, 1, ({ state }) => state === "failed");
  assertEquals(server.events.filter(({ type }) => type === "failed").length, 3);
});

Deno.test("of what a server sent instead of an answer only so much is kept", async () => {
  await using dir = await tempDir();
  await using origin = await rawHttpServer(async (_, connection) => {
    await connection.write(`HTTP/1.1 200 OK\r\n${"x".repeat(60_000)}\r\n\r\n`);
  });
  await using server = await startDownloadServer({ dir: dir.path });
  await ask(server.api, "POST", { urls: [`${origin.origin}/a.bin`] });
  const { error = "" } = await until(server, 1, ({ state }) => state === "failed");
  assertStringIncludes(error, "a line that is no header");
  assertEquals(error.length, 500);
});

Deno.test("a request that makes no sense is told why, and changes nothing", async () => {
  await using dir = await tempDir();
  await using server = await startDownloadServer({ dir: dir.path });
  const url = "http://host/file";
  const digest = `sha-256=${"0".repeat(64)}`;
  const cases: readonly (readonly [string, string, unknown, number, string])[] = [
    ["", "POST", undefined, 400, ""],
    ["", "POST", "{", 400, ""],
    ["", "POST", [], 400, ""],
    ["", "POST", {}, 400, "urls"],
    ["", "POST", { urls: [] }, 400, "urls"],
    ["", "POST", { urls: "x" }, 400, "urls"],
    ["", "POST", { urls: [5] }, 400, "urls.0"],
    ["", "POST", { urls: [url, "nonsense"] }, 400, "nonsense"],
    ["", "POST", { urls: ["http://user:pw@host/"] }, 400, "without user"],
    ["", "POST", { urls: ["ftp://host/"] }, 400, "ftp"],
    ["", "POST", { urls: [url, `${url}2`], name: "x" }, 400, "one URL"],
    ["", "POST", { urls: [url, `${url}2`], checksum: digest }, 400, "one URL"],
    ["", "POST", { urls: [url], checksum: "md5=1" }, 400, "checksum"],
    ["", "POST", { urls: [url], name: "../x" }, 400, "name"],
    ["", "POST", { urls: [url], name: "a\\b" }, 400, "name"],
    ["", "POST", { urls: [url], name: ".." }, 400, "name"],
    ["", "POST", { urls: [url], name: ".hidden" }, 400, "name"],
    ["", "POST", { urls: [url], name: "a\u202ejpg" }, 400, "name"],
    ["", "POST", { urls: [url], name: "x.part.journal" }, 400, "name"],
    ["", "POST", { urls: [url], name: "x".repeat(250) }, 400, "name"],
    ["", "POST", { urls: [url], other: 1 }, 400, "other"],
    ["", "POST", { urls: new Array(1001).fill(url) }, 400, "urls"],
    ["", "POST", `{"urls":["${"x".repeat(5_000_000)}"]}`, 413, "longer than"],
    ["", "PUT", "", 405, "GET, POST, DELETE"],
    ["/pause", "GET", undefined, 405, "POST"],
    ["/explode", "POST", "", 404, ""],
    ["/1", "GET", undefined, 404, ""],
    ["/1", "DELETE", undefined, 404, ""],
    ["/1/pause", "POST", "", 404, ""],
    ["/1/explode", "POST", "", 404, ""],
    ["/x", "GET", undefined, 404, ""],
    ["/../uploads", "GET", undefined, 404, ""],
    ["/1/pause", "GET", undefined, 405, "POST"],
    ["/1", "POST", "", 405, "GET, DELETE"],
    ["?limit=0", "GET", undefined, 400, "limit"],
    ["?limit=x", "GET", undefined, 400, "limit"],
  ];
  for (const [path, method, sent, status, text] of cases) {
    const label = `${method} ${path} ${JSON.stringify(sent)?.slice(0, 80)}`;
    const response = await fetch(server.api + path, {
      method,
      ...(sent === undefined ? {} : { body: typeof sent === "string" ? sent : JSON.stringify(sent) }),
    });
    assertEquals(response.status, status, label);
    assertStringIncludes(await response.text(), text, label);
  }
  assertEquals((await ask(server.api)).body, []);
});

Deno.test("a body that does not come is not waited for without end", async () => {
  await using dir = await tempDir();
  await using server = await startDownloadServer({ dir: dir.path });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.server.server.port });
  const head = "POST /api/downloads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{";
  await connection.write(new TextEncoder().encode(head));
  await connection.closeWrite();
  assertMatch(await new Response(connection.readable).text().catch(() => ""), /^(HTTP\/1\.1 400 |$)/);
});

Deno.test("everything is behind the token, and closed to pages of other origins", async () => {
  await using dir = await tempDir();
  await using server = await startDownloadServer({ dir: dir.path, server: { token: "secret" } });
  await Deno.writeTextFile(join(server.files, "a.txt"), "x");
  const authorized = { Authorization: "Bearer secret" };
  const cases = [
    ["GET", "/api/downloads", 200],
    ["POST", "/api/downloads", 400],
    ["DELETE", "/api/downloads/1", 404],
    ["POST", "/api/downloads/1/pause", 404],
    ["GET", "/api/events", 200],
    ["GET", "/downloads/a.txt", 200],
  ] as const;
  for (const [method, path, status] of cases) {
    const statusWith = async (headers: Record<string, string>) => {
      const response = await fetch(server.server.url + path, { method, headers });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await statusWith({}), 401, path);
    assertEquals(await statusWith(authorized), status, path);
    assertEquals(await statusWith({ ...authorized, Origin: "http://evil.example" }), 403, path);
  }
});

Deno.test("files outside of the directory, parts and the database are not served", async () => {
  await using dir = await tempDir();
  await using server = await startDownloadServer({ dir: dir.path });
  await Deno.writeTextFile(join(server.files, "a.part"), "x");
  await Deno.mkdir(join(server.files, ".transfer"));
  await Deno.writeTextFile(join(server.files, ".transfer/queue.db"), "x");
  for (const name of ["a.part", ".transfer/queue.db", "..%2fqueue.db", "%zz", "", "%00"]) {
    const response = await fetch(`${server.server.url}/downloads/${name}`);
    await response.body?.cancel();
    assertEquals(response.status, 404, name);
  }
});
