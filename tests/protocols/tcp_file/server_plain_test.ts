import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { HAS_UNIX_FILES } from "../../support/machine.ts";
import { plainTcpClient, plainTcpDownload } from "../../support/plain_tcp_client.ts";
import { tcpFileServer } from "../../support/tcp_file_server.ts";
import { tempDir } from "../../support/temp_dir.ts";

Deno.test("a plain client is told of the files at once, and gets them byte for byte", async () => {
  const bytes = pseudoRandomBytes(3_707_765);
  await using server = await tcpFileServer({ "two words.bin": bytes, "empty": "", "sub/file": "1" });
  using client = await plainTcpClient(server.port);
  assertEquals(client.list, "empty 0.000B\ntwo words.bin 3.536MB\n");
  assertEquals(await plainTcpDownload(server.port, "two words.bin"), bytes);
  assertEquals(await plainTcpDownload(server.port, "empty"), new Uint8Array(0));
});

Deno.test("a range is clamped to the file, and one without bytes is answered by nothing", async () => {
  await using server = await tcpFileServer({ "ten": "0123456789" });
  using client = await plainTcpClient(server.port);
  const cases = [
    ["0-10", "0123456789"],
    ["2-4", "23"],
    ["9-99", "9"],
    [`0-${2 ** 60}`, "0123456789"],
    ["3-99999999999999999999999999", "3456789"],
  ] as const;
  for (const [range, bytes] of cases) assertEquals(await client.ask(`ten|${range}`), bytes, range);
  for (const range of ["0-0", "7-3", "10-20", "99-100"]) {
    using other = await plainTcpClient(server.port);
    await other.send(`ten|${range}`);
    // An end behind it, so that anything that was sent shows.
    await other.end();
    assertEquals(await other.receive(), undefined, range);
  }
});

Deno.test({
  name: "what is no request, and what is not offered, is answered with the text of the protocol",
  ignore: !HAS_UNIX_FILES,
}, async () => {
  await using outside = await tempDir();
  await Deno.writeTextFile(join(outside.path, "secret"), "secret");
  await using server = await tcpFileServer({
    "file": "12345",
    "sub/file": "1",
    ".hidden": "1",
    "film.part": "1",
    "quote\"d 'name'": "1234",
  });
  await Deno.symlink(join(outside.path, "secret"), join(server.dir, "link"));
  const missing = (name: string) => [name, `File ${name} not found.`] as const;
  const cases = [
    ["file", "5"],
    ["file\n", "5"],
    ["quote\"d 'name'", "4"],
    ["file|a-b", "Invalid range format."],
    ["file|-1-4", "Invalid range format."],
    ["file|1.5-4", "Invalid range format."],
    ["file|4", "Invalid range format."],
    ["file|", "Invalid range format."],
    ["file|1|2", "Invalid request format."],
    ["a".repeat(300), `File ${"a".repeat(300)} not found.`],
    ...[
      "sub",
      "sub/file",
      "../secret",
      "/etc/passwd",
      ".",
      "..",
      ".hidden",
      "film.part",
      "link",
      "fi\0le",
      "x",
    ]
      .map(missing),
    ["nothing|0-5", "File nothing not found."],
  ] as const;
  for (const [request, answer] of cases) {
    using client = await plainTcpClient(server.port);
    assertEquals(await client.ask(request), answer, request);
    // The connection goes on.
    assertEquals(await client.ask("file|1-3"), "23");
  }
});

Deno.test("what begins like the hello of the extension is a file's name if nothing more comes", async () => {
  await using server = await tcpFileServer({ "x": "12", "xfer1 ": "123" });
  for (const [name, size] of [["x", "2"], ["xfer1 ", "3"]] as const) {
    using client = await plainTcpClient(server.port);
    assertEquals(await client.ask(name), size);
    assertEquals(await client.ask("x|0-2"), "12");
  }
});

Deno.test("without files nothing is sent until something is asked", async () => {
  await using server = await tcpFileServer({});
  using client = await plainTcpClient(server.port, { hasList: false });
  assertEquals(await client.ask("file"), "File file not found.");
});

Deno.test("the list has whole lines within 4096 bytes, the file of it all of them", async () => {
  await using kept = await tempDir();
  const listFile = join(kept.path, "text.txt");
  const names = Array.from({ length: 500 }, (_, i) => `file number ${String(i).padStart(3, "0")}`);
  await using server = await tcpFileServer(
    { ...Object.fromEntries(names.map((name) => [name, ""])), "a\nb": "", "c|d": "" },
    { listFile },
  );
  using client = await plainTcpClient(server.port);
  assert(client.list.length <= 4096 && client.list.endsWith("\n"));
  const lines = client.list.trimEnd().split("\n");
  assertEquals(lines, names.slice(0, lines.length).map((name) => `${name} 0.000B`));
  assertEquals(await server.told("cut"), { type: "cut", files: 500, omitted: 500 - lines.length });
  assertEquals(await Deno.readTextFile(listFile), names.map((name) => `${name} 0.000B\n`).join(""));
});

Deno.test("the list and its file follow the directory, and neither tells of the file itself", async () => {
  await using server = await tcpFileServer({ "old": "1" });
  const listFile = join(server.dir, "text.txt");
  await using second = await tcpFileServer({ "old": "1" }, { dir: server.dir, listFile });
  await Deno.writeTextFile(join(server.dir, "new"), "12");
  const watcher = Deno.watchFs(server.dir);
  for await (const _ of watcher) {
    if ((await Deno.readTextFile(listFile)) === "new 2.000B\nold 1.000B\n") break;
  }
  using client = await plainTcpClient(second.port);
  assertEquals(client.list, "new 2.000B\nold 1.000B\n");
  assertEquals(await client.ask("text.txt"), "File text.txt not found.");
});

Deno.test("a list that can't be written is told, and holds up nothing", async () => {
  await using server = await tcpFileServer({ "file": "1" }, { listFile: "/dev/null/text.txt" });
  await server.told("unsaved");
  using client = await plainTcpClient(server.port);
  assertEquals(client.list, "file 1.000B\n");
});

Deno.test("the bytes near the end of a file of 5 GiB are the right ones", async () => {
  await using server = await tcpFileServer({});
  const size = 5 * 2 ** 30;
  const file = await Deno.open(join(server.dir, "huge"), { create: true, write: true });
  await file.truncate(size);
  await file.seek(-5, Deno.SeekMode.End);
  await file.write(new TextEncoder().encode("12345"));
  file.close();
  using client = await plainTcpClient(server.port, { hasList: false });
  const answer = await client.ask("huge");
  // The list may have come in front of it: the file is newer than the server.
  assert(answer?.endsWith(String(size)), answer);
  assertEquals(await client.ask(`huge|${size - 5}-${size + 5}`), "12345");
  await client.send(`huge|${2 ** 32 - 1}-${2 ** 32 + 1}`);
  assertEquals(await client.take(2), new Uint8Array(2));
});

Deno.test("a plain client gets less than it asked for, never other bytes, of a file that shrinks", async () => {
  const size = 64 * 2 ** 20;
  await using server = await tcpFileServer({ "file": "" });
  await Deno.truncate(join(server.dir, "file"), size);
  using client = await plainTcpClient(server.port);
  await client.send(`file|0-${size}`);
  await client.take(1);
  // The rest does not fit into the buffers of the connection: the server is not through.
  await Deno.truncate(join(server.dir, "file"), 1000);
  await assertRejects(() => client.take(size - 1), Error, "hung up");
  assertEquals((await server.told("changed")).path, "file");
  assertEquals((await server.told("closed")).cause, "changed");
});

Deno.test("with a token a plain client gets neither a list nor a file", async () => {
  await using server = await tcpFileServer({ "file": "1" }, { token: "secret" });
  using client = await plainTcpClient(server.port, { hasList: false });
  assertEquals(await client.ask("file"), "Token required.");
  assertEquals(await client.receive(), undefined);
});

Deno.test("an answer before the end of a connection arrives, though the client had sent more than was read", async () => {
  await using server = await tcpFileServer({});
  using client = await plainTcpClient(server.port, { hasList: false });
  await client.send(new Uint8Array(200_000).fill(65));
  assertEquals(await client.receive(), "Invalid request format.");
  assertEquals(await client.receive(), undefined);
});
