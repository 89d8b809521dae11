import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { foreignServer } from "../support/foreign_server.ts";
import { finished, startServer, startTransfer } from "../support/program.ts";
import { slowLink } from "../support/slow_link.ts";
import { tempDir } from "../support/temp_dir.ts";

const BYTES = pseudoRandomBytes(5_000_001);

/** Writes bytes to a program in pieces, waiting for it to take each. */
async function feed(child: Deno.ChildProcess, bytes: Uint8Array): Promise<void> {
  const writer = child.stdin.getWriter();
  for (let at = 0; at < bytes.length; at += 100_000) await writer.write(bytes.subarray(at, at + 100_000));
  await writer.close();
}

Deno.test("standard input arrives under the name it is given, to its last byte", async () => {
  await using dir = await tempDir();
  await using server = await startServer(dir.path);
  for (const [bytes, name] of [[BYTES, "x.tar"], [new Uint8Array(0), "empty"]] as const) {
    const child = startTransfer(["upload", "-", "--name", name, "--json", "--ws", server.ws], {
      hasInput: true,
    });
    await feed(child, bytes);
    const { code, stdout, stderr } = await finished(child);
    assertEquals(code, 0, stderr);
    const { event, sha256: digest, ...end } = JSON.parse(stdout.split("\n")[0] ?? "");
    assertEquals([event, end.file, end.bytes, end.transferredBytes], [
      "done",
      "-",
      bytes.length,
      bytes.length,
    ]);
    assertEquals(digest, sha256(bytes));
    assertEquals(await Deno.readFile(join(dir.path, name)), bytes);
  }
});

Deno.test("a server that is killed and comes back gets the rest of standard input", async () => {
  await using dir = await tempDir();
  let server = await startServer(dir.path);
  try {
    const child = startTransfer(["upload", "-", "--name", "x.tar", "--ws", server.ws], { hasInput: true });
    using watcher = Deno.watchFs(dir.path);
    const writer = child.stdin.getWriter();
    await writer.write(BYTES.subarray(0, 2_000_000));
    for await (const event of watcher) {
      if (event.kind === "modify" && event.paths.some((path) => path.endsWith("x.tar.part"))) break;
    }
    await server.end("SIGKILL");
    server = await startServer(dir.path, server.port);
    await writer.write(BYTES.subarray(2_000_000));
    await writer.close();
    const { code, stderr } = await finished(child);
    assertEquals(code, 0, stderr);
    assertEquals(sha256(await Deno.readFile(join(dir.path, "x.tar"))), sha256(BYTES));
    assertEquals(await filesBelow(dir.path), ["x.tar"]);
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

Deno.test("an end while standard input is silent is not held up by it", async () => {
  await using dir = await tempDir();
  await using server = await startServer(dir.path);
  await using link = slowLink(server.port);
  using watcher = Deno.watchFs(dir.path);
  const child = startTransfer(["upload", "-", "--name", "log", "--ws", link.ws], { hasInput: true });
  const writer = child.stdin.getWriter();
  await writer.write(new Uint8Array(2_000_000));
  for await (const event of watcher) if (event.kind === "modify") break;
  child.kill("SIGTERM");
  const { code, stderr } = await finished(child);
  await writer.abort().catch(() => {});
  assertEquals(code, 130, stderr);
  assertStringIncludes(stderr, "can't be continued");
});

Deno.test("a plain server can't take standard input, and this is said", async () => {
  await using server = foreignServer();
  const child = startTransfer(["upload", "-", "--name", "x", "--ws", server.ws], { hasInput: true });
  const { code, stderr } = await finished(child);
  await child.stdin.close().catch(() => {});
  assertEquals(code, 1, stderr);
  assertMatch(stderr, /^-: This server has to know the size beforehand/);
});

Deno.test("a file is stored under another name", async () => {
  await using dir = await tempDir();
  await using server = await startServer(join(dir.path, "uploads"));
  await Deno.writeTextFile(join(dir.path, "a"), "a");
  const child = startTransfer(["upload", "a", "--name", "b/c", "--ws", server.ws], { cwd: dir.path });
  const { code, stderr } = await finished(child);
  assertEquals(code, 0, stderr);
  assertEquals(await filesBelow(join(dir.path, "uploads")), ["b/c"]);
});
