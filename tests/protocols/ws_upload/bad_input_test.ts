import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { HAS_UNIX_FILES } from "../../support/machine.ts";
import { plainClient, sendChunks } from "../../support/plain_client.ts";
import { testServer } from "../../support/upload_server.ts";

const start = { action: "start", fileId: "f", fileName: "hello.txt", fileSize: 5 };
const chunk = { action: "chunk", fileId: "f", offset: 0, data: "aGVsbG8=" };

/** Each is answered by an error that names the cause, and a good upload goes on over the same socket. */
const REFUSED: readonly { readonly sent: unknown; readonly error: string; readonly fileId?: string }[] = [
  { sent: "no json", error: "Message is not valid JSON" },
  { sent: "", error: "Message is not valid JSON" },
  { sent: "[]", error: "Message is not a JSON object" },
  { sent: "null", error: "Message is not a JSON object" },
  { sent: "5", error: "Message is not a JSON object" },
  { sent: {}, error: "Unknown action" },
  { sent: { action: "explode", fileId: "f" }, error: "Unknown action", fileId: "f" },
  { sent: { action: 5 }, error: "Unknown action" },
  { sent: { ...start, fileId: undefined }, error: "fileId" },
  { sent: { ...start, fileId: "" }, error: "fileId" },
  { sent: { ...start, fileId: 7 }, error: "fileId" },
  { sent: { ...start, fileId: "x".repeat(2000) }, error: "fileId" },
  { sent: { ...start, fileSize: undefined }, error: "fileSize", fileId: "f" },
  { sent: { ...start, fileSize: -1 }, error: "fileSize", fileId: "f" },
  { sent: { ...start, fileSize: 1.5 }, error: "fileSize", fileId: "f" },
  { sent: { ...start, fileSize: 1e300 }, error: "fileSize", fileId: "f" },
  { sent: { ...start, fileSize: 2 ** 53 }, error: "fileSize", fileId: "f" },
  { sent: { ...start, fileSize: "5" }, error: "fileSize", fileId: "f" },
  { sent: { ...start, fileSize: null }, error: "fileSize", fileId: "f" },
  { sent: { ...start, fileName: "" }, error: "fileName", fileId: "f" },
  { sent: { ...start, fileName: ["x"] }, error: "fileName", fileId: "f" },
  { sent: { ...start, fileName: ".." }, error: "fileName", fileId: "f" },
  { sent: { ...start, fileName: "x".repeat(5000) }, error: "fileName", fileId: "f" },
  { sent: { ...chunk, fileId: "nobody" }, error: "Unknown fileId", fileId: "nobody" },
  { sent: { action: "complete", fileId: "nobody" }, error: "Unknown fileId", fileId: "nobody" },
  { sent: { ...chunk, offset: -1 }, error: "offset", fileId: "f" },
  { sent: { ...chunk, offset: "0" }, error: "offset", fileId: "f" },
  { sent: { ...chunk, data: 5 }, error: "data", fileId: "f" },
  { sent: { action: "stop", fileId: "f", delete: "no" }, error: "delete", fileId: "f" },
];

for (const { sent, error, fileId } of REFUSED) {
  const text = typeof sent === "string" ? sent : JSON.stringify(sent);
  Deno.test(`refused, and the connection goes on: ${text.slice(0, 80)}`, async () => {
    await using server = await testServer();
    await using client = await plainClient(server.ws);
    client.sendText(text);
    const answer = await client.next();
    assertEquals(answer.event, "error");
    assertStringIncludes(String(answer.error), error);
    assertEquals(answer.fileId, fileId);
    assertEquals((await client.ask(start)).event, "start-ack");
    assertEquals((await client.ask(chunk)).event, "progress");
    assertEquals((await client.ask({ action: "complete", fileId: "f" })).event, "complete-ack");
    assertEquals(await filesBelow(server.dir), ["hello.txt"]);
  });
}

const REFUSED_MIDWAY: readonly { readonly sent: unknown; readonly error: string }[] = [
  { sent: { ...chunk, data: "aGVsbG8h" }, error: "Chunk ends 6 bytes into 5" },
  { sent: { ...chunk, data: "a%%=" }, error: "not valid base64" },
  { sent: { ...chunk, data: "a" }, error: "not valid base64" },
  { sent: { action: "complete", fileId: "f" }, error: "not complete: 0 of 5 bytes" },
  { sent: { ...start, fileSize: 6 }, error: "was started with fileSize 5, not 6" },
];

for (const { sent, error } of REFUSED_MIDWAY) {
  Deno.test(`refused during an upload, which goes on: ${JSON.stringify(sent)}`, async () => {
    await using server = await testServer();
    await using client = await plainClient(server.ws);
    await client.ask(start);
    const answer = await client.ask(sent);
    assertEquals(answer.event, "error");
    assertEquals(answer.fileId, "f");
    assertStringIncludes(String(answer.error), error);
    assertEquals((await client.ask(chunk)).offset, 5);
    await client.ask({ action: "complete", fileId: "f" });
    assertEquals(await Deno.readTextFile(join(server.dir, "hello.txt")), "hello");
  });
}

Deno.test("a chunk of no bytes changes nothing", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  await client.ask(start);
  assertEquals((await client.ask({ ...chunk, data: "" })).offset, 0);
  assertEquals((await client.ask(chunk)).offset, 5);
});

/** What the file of a hostile name is called below the directory. */
const NAMES: readonly (readonly [string, string])[] = [
  ["../../etc/passwd", "passwd"],
  ["/abs", "abs"],
  ["a/b", "a/b"],
  ["C:\\x", "x"],
  ["CON", "_CON"],
  ["two\nlines\u0000", "two_lines_"],
  ["film.part", "film.part_"],
  ["film.part.journal", "film.part.journal_"],
  [".htaccess", "_htaccess"],
  ["x".repeat(300), "x".repeat(233)],
];

for (const [sent, stored] of NAMES) {
  Deno.test(`a name from a peer stays in the directory: ${JSON.stringify(sent).slice(0, 40)}`, async () => {
    await using server = await testServer();
    await using client = await plainClient(server.ws);
    await client.ask({ ...start, fileName: sent });
    await client.ask(chunk);
    const { filePath } = await client.ask({ action: "complete", fileId: "f" });
    assertEquals(filePath, join(server.dir, stored));
    assertEquals(await filesBelow(server.dir), [stored]);
  });
}

Deno.test({ name: "a symbolic link in the directory is not followed", ignore: !HAS_UNIX_FILES }, async () => {
  const outside = await Deno.makeTempDir({ prefix: "transfer-test-" });
  try {
    await using server = await testServer();
    await Deno.symlink(outside, join(server.dir, "link"));
    await using client = await plainClient(server.ws);
    const answer = await client.ask({ ...start, fileName: "link/hello.txt" });
    assertEquals(answer.event, "error");
    assertEquals(await filesBelow(outside), []);
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});

Deno.test("a message of 8 MiB is taken, a longer one refused, and the connection goes on", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const bytes = pseudoRandomBytes(6_000_000);
  await client.ask({ ...start, fileSize: bytes.length });
  client.sendText(JSON.stringify({ ...chunk, data: "A".repeat(9 * 1024 * 1024) }));
  assertStringIncludes(String((await client.next()).error), "Message is too large");
  await sendChunks(client, { fileId: "f", bytes, chunkBytes: bytes.length });
  await client.ask({ action: "complete", fileId: "f" });
  assertEquals(sha256(await Deno.readFile(join(server.dir, "hello.txt"))), sha256(bytes));
});

Deno.test("a message over 16 MiB ends the connection, and what was stored stays", async () => {
  await using server = await testServer();
  {
    await using client = await plainClient(server.ws);
    await client.ask(start);
    await client.ask({ ...chunk, data: "aGU=" });
    client.sendText("x".repeat(17 * 1024 * 1024));
    assertEquals((await client.closed).code, 1009);
  }
  await using client = await plainClient(server.ws);
  assertEquals((await client.ask(start)).offset, 2);
});

Deno.test("files over --max-file and uploads over --max-sessions are refused", async () => {
  await using server = await testServer({ maxFileBytes: 5, maxSessions: 1 });
  await using client = await plainClient(server.ws);
  assertStringIncludes(String((await client.ask({ ...start, fileSize: 6 })).error), "too large");
  assertEquals((await client.ask(start)).event, "start-ack");
  assertStringIncludes(String((await client.ask({ ...start, fileId: "g" })).error), "Too many uploads");
  await client.ask({ action: "stop", fileId: "f" });
  assertEquals((await client.ask({ ...start, fileId: "g" })).event, "start-ack");
});

Deno.test("a file that the disk has no room for is refused at its start", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  assertStringIncludes(String((await client.ask({ ...start, fileSize: 2 ** 52 })).error), "No space left");
  assertEquals(await filesBelow(server.dir), []);
});

Deno.test("only the server's own page and allowed origins may connect from a browser", async () => {
  await using server = await testServer({ allowedOrigins: ["https://example.org"] });
  const port = new URL(server.ws).port;
  const asOrigin = (Origin: string) => ({ headers: { Origin } });
  for (const origin of [server.url, "https://example.org"]) {
    await using client = await plainClient(server.ws, asOrigin(origin));
    assertEquals((await client.ask(start)).event, "start-ack");
    await client.ask({ action: "stop", fileId: "f" });
  }
  const refused = [
    "http://evil.example",
    "null",
    `https://127.0.0.1:${port}`,
    "http://127.0.0.1:1",
    `http://localhost:${port}`,
    `${server.url}.evil.example`,
  ];
  for (const origin of refused) {
    await assertRejects(() => plainClient(server.ws, asOrigin(origin)), Error, "403", origin);
    const response = await fetch(`${server.url}/healthz`, { headers: { Origin: origin } });
    assertEquals(response.status, 403, origin);
    await response.body?.cancel();
  }
});

Deno.test("a token is asked of every client, and never shown", async () => {
  await using server = await testServer({ token: "secret" });
  await assertRejects(() => plainClient(server.ws), Error, "401");
  await assertRejects(
    () => plainClient(server.ws, { headers: { Authorization: "Bearer wrong" } }),
    Error,
    "401",
  );
  const bearer = { headers: { Authorization: "Bearer secret" } };
  const page = { protocols: ["transfer", `transfer.token.${btoa("secret").replace(/=+$/, "")}`] };
  for (const options of [bearer, page]) {
    await using client = await plainClient(server.ws, options);
    assertEquals((await client.ask({ action: "pause", fileId: "x" })).event, "error");
  }
  for (const [path, status] of [["/healthz", 200], ["/api/access", 401], ["/files/x", 401]] as const) {
    const response = await fetch(server.url + path);
    assertEquals(response.status, status, path);
    await response.body?.cancel();
  }
  const access = await fetch(`${server.url}/api/access`, bearer);
  assertEquals(access.status, 204);
  assert(!JSON.stringify(server.events).includes("secret"));
});
