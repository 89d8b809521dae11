import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { SourceFile } from "../../../protocols/ws_upload/source_file.ts";
import { startUpload, type Upload } from "../../../protocols/ws_upload/upload_file.ts";
import { pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { foreignServer } from "../../support/foreign_server.ts";
import { HAS_UNIX_FILES } from "../../support/machine.ts";
import { testServer } from "../../support/upload_server.ts";

/** A file to send, gone when disposed of. */
async function sourceOf(bytes: Uint8Array): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile({ prefix: "transfer-test-" });
  await Deno.writeFile(path, bytes);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

const names = { fileId: "f", fileName: "data.bin", chunkBytes: 65_536, resumeToken: "t".repeat(22) };

Deno.test("a file reaches a plain server that knows no extension, one chunk at a time", async () => {
  await using server = foreignServer();
  const bytes = pseudoRandomBytes(1_000_000);
  await using file = await sourceOf(bytes);
  using source = await SourceFile.open(file.path);
  const upload = startUpload({ url: server.ws, source, ...names });
  await upload.ended;
  assertEquals(upload.state, { kind: "done", filePath: "/somewhere/f" });
  assertEquals(server.files.get("f"), bytes);
  assertEquals(await source.sha256(), sha256(bytes));
  assertEquals(server.messages[0], {
    action: "start",
    fileId: "f",
    fileName: "data.bin",
    fileSize: 1_000_000,
    ext: { version: 1, binary: true, crc32: true, resumeToken: names.resumeToken },
    data: undefined,
  });
});

Deno.test("a file keeps the time of its last change", async () => {
  await using server = await testServer();
  await using file = await sourceOf(pseudoRandomBytes(1000));
  const time = new Date(1_234_567_890_123);
  await Deno.utime(file.path, time, time);
  using source = await SourceFile.open(file.path);
  const upload = startUpload({ url: server.ws, source, ...names });
  await upload.ended;
  assertEquals(upload.state.kind, "done");
  assertEquals((await Deno.stat(join(server.dir, "data.bin"))).mtime, time);
});

Deno.test("a lost connection is made again, and the upload goes on", async () => {
  await using server = foreignServer();
  server.dropAfterChunks = 5;
  const bytes = pseudoRandomBytes(1_000_000);
  await using file = await sourceOf(bytes);
  using source = await SourceFile.open(file.path);
  const upload = startUpload({ url: server.ws, source, ...names });
  await upload.ended;
  assertEquals(upload.state.kind, "done");
  assertEquals(server.files.get("f"), bytes);
  assertEquals(server.messages.filter(({ action }) => action === "start").length, 2);
});

Deno.test("the digest is the whole file's, also when the server had most of it", async () => {
  await using server = await testServer();
  const bytes = pseudoRandomBytes(40_000_000);
  await using file = await sourceOf(bytes);
  for (const wish of ["quit", "run"] as const) {
    using source = await SourceFile.open(file.path);
    const upload: Upload = startUpload({
      url: server.ws,
      source,
      ...names,
      onChange: ({ acknowledged }) => {
        if (acknowledged > 1_000_000) upload.wish(wish);
      },
    });
    await upload.ended;
    if (wish === "quit") assertEquals(upload.state, { kind: "stopped", deleted: false });
    else assertEquals(await source.sha256(), sha256(bytes));
  }
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), sha256(bytes));
});

Deno.test("an empty file is uploaded", async () => {
  await using server = await testServer();
  await using file = await sourceOf(new Uint8Array(0));
  using source = await SourceFile.open(file.path);
  const upload = startUpload({ url: server.ws, source, ...names });
  await upload.ended;
  assertEquals(upload.state, { kind: "done", filePath: join(server.dir, "data.bin") });
});

Deno.test("a pause holds the upload on the server until it is resumed", async () => {
  await using server = await testServer();
  const bytes = pseudoRandomBytes(40_000_000);
  await using file = await sourceOf(bytes);
  using source = await SourceFile.open(file.path);
  let pausedAt = -1;
  const upload: Upload = startUpload({
    url: server.ws,
    source,
    ...names,
    onChange: ({ state, acknowledged }) => {
      if (pausedAt < 0 && acknowledged > 500_000) upload.wish("pause");
      if (state.kind !== "paused") return;
      pausedAt = acknowledged;
      upload.wish("run");
    },
  });
  await upload.ended;
  assert(pausedAt > 500_000 && pausedAt < bytes.length);
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), sha256(bytes));
});

Deno.test("a file that changes while it is sent is not finished", async () => {
  await using server = await testServer();
  await using file = await sourceOf(pseudoRandomBytes(40_000_000));
  using source = await SourceFile.open(file.path);
  let changed = false;
  const upload = startUpload({
    url: server.ws,
    source,
    ...names,
    onChange: ({ acknowledged }) => {
      if (changed || acknowledged < 500_000) return;
      changed = true;
      Deno.writeFileSync(file.path, new Uint8Array(10), { append: true });
    },
  });
  await upload.ended;
  assertEquals(upload.state, { kind: "failed", reason: "The file was changed while it was being uploaded" });
});

Deno.test("without the right token an upload fails at once and says why", async () => {
  await using guarded = await testServer({ token: "secret" });
  await using file = await sourceOf(new Uint8Array(10));
  using source = await SourceFile.open(file.path);
  const reasonOf = async (url: string, token?: string) => {
    const upload = startUpload({ url, source, ...names, token });
    await upload.ended;
    return upload.state.kind === "failed" ? upload.state.reason : upload.state.kind;
  };
  assertMatch(await reasonOf(guarded.ws), /token/);
  assertMatch(await reasonOf(guarded.ws, "wrong"), /token/);
  assertEquals(await reasonOf(guarded.ws, "secret"), "done");
});

Deno.test({ name: "folders and devices are not taken for files", ignore: !HAS_UNIX_FILES }, async () => {
  for (const path of ["/tmp", "/dev/null"]) await assertRejects(() => SourceFile.open(path), TypeError);
});
