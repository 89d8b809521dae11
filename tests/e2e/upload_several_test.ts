import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { finished, startServer, startTransfer, transfer } from "../support/program.ts";
import { rollCall } from "../support/roll_call.ts";
import { slowLink } from "../support/slow_link.ts";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("a directory and a pattern arrive with their folders, and every byte", async () => {
  await using dir = await tempDir();
  const at = (path: string) => join(dir.path, path);
  await using server = await startServer(at("uploads"));
  await Deno.mkdir(at("photos/2024/empty"), { recursive: true });
  await Deno.mkdir(at("iso"));
  const files = ["photos/2024/b.jpg", "photos/a.jpg", "iso/one.iso", "iso/two.iso"];
  for (const [i, path] of files.entries()) {
    await Deno.writeFile(at(path), pseudoRandomBytes(200_000 + i, i + 1));
  }
  await Deno.symlink("a.jpg", at("photos/link.jpg"));
  const args = ["upload", "photos", "iso/*.iso", "photos/a.jpg", "--ws", server.ws];
  const { code, stdout, stderr } = await transfer(args, { cwd: dir.path });
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /\n4 files, 800 KB in \d+\.\d\d s, [\d.]+ [KMG]B\/s\n$/);
  assertEquals(stderr.split("\n").sort(), [
    "",
    "photos/2024/empty: skipped, an empty directory",
    "photos/link.jpg: skipped, a link; name it to send what it points to",
  ]);
  assertEquals(await filesBelow(at("uploads")), ["one.iso", "photos/2024/b.jpg", "photos/a.jpg", "two.iso"]);
  for (const path of files) {
    const arrived = await Deno.readFile(at(`uploads/${path.replace("iso/", "")}`));
    assertEquals(sha256(arrived), sha256(await Deno.readFile(at(path))), path);
  }
});

Deno.test("what fails holds up nothing, and is told once with its reason", async () => {
  await using dir = await tempDir();
  const at = (path: string) => join(dir.path, path);
  await using server = await startServer(at("uploads"));
  for (const name of ["a", "b", "c"]) await Deno.writeTextFile(at(name), name);
  const run = (...flags: string[]) =>
    transfer(["upload", "a", "missing", "*.none", "b", "/dev/null", "c", "--ws", server.ws, ...flags], {
      cwd: dir.path,
    });
  const reasons = [
    "*.none: Nothing matches this pattern",
    "/dev/null: It is no regular file",
    "missing: There is no such file",
  ];
  const plain = await run("--parallel", "2");
  assertEquals(plain.code, 1);
  assertMatch(plain.stdout, /\n3 files, 3 B in .* K?B\/s; 3 failed\n$/);
  assertEquals(plain.stderr.trim().split("\n").sort(), reasons);
  const json = await run("--json");
  assertEquals(json.code, 1);
  const events = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event }) => event).sort(), [
    ...Array(3).fill("done"),
    ...Array(3).fill("failed"),
    "summary",
  ]);
  const { seconds, ...summary } = events.at(-1);
  assert(seconds > 0);
  assertEquals(summary, {
    event: "summary",
    files: 3,
    bytes: 3,
    // The server still knows them from the run before.
    transferredBytes: 0,
    there: 0,
    failed: 3,
    stopped: 0,
    interrupted: false,
  });
  assertEquals(json.stderr.trim().split("\n").sort(), reasons);
});

Deno.test("as many are sent at once as was asked for, and no more", async () => {
  await using dir = await tempDir();
  await using server = rollCall(3);
  for (let i = 0; i < 9; i++) await Deno.writeTextFile(join(dir.path, `${i}`), "");
  const args = ["upload", dir.path, "--parallel", "3", "--ws", server.ws, "--json"];
  const { code, stdout, stderr } = await transfer(args);
  assertEquals(code, 0, stderr);
  assertEquals(server.started.length, 9);
  assertEquals(server.mostAtOnce, 3);
  assertStringIncludes(stdout, '{"event":"summary","files":9,');
});

Deno.test("Ctrl+C ends all that run, starts no other, and the same command goes on", async () => {
  await using dir = await tempDir();
  const at = (path: string) => join(dir.path, path);
  const files = ["a", "b", "c"];
  for (const [i, name] of files.entries()) {
    await Deno.writeFile(at(name), pseudoRandomBytes(10_000_000, i + 1));
  }
  await using server = await startServer(at("uploads"));
  await using link = slowLink(server.port);
  const args = ["upload", ...files, "--parallel", "2", "--ws", link.ws];
  using watcher = Deno.watchFs(at("uploads"));
  const client = startTransfer(args, { cwd: dir.path });
  const moved = new Set<string>();
  for await (const event of watcher) {
    for (const path of event.paths) if (event.kind === "modify" && path.endsWith(".part")) moved.add(path);
    if (moved.size === 2) break;
  }
  client.kill("SIGINT");
  const first = await finished(client);
  assertEquals(first.code, 130, first.stderr);
  assertMatch(first.stdout, /^0 files; interrupted\n$/);
  assertEquals(first.stderr.match(/run the same command again to continue/g)?.length, 2);
  assertEquals((await filesBelow(at("uploads"))).filter((path) => path.endsWith(".part")), [
    "a.part",
    "b.part",
  ]);

  link.delayMs = 0;
  const second = await transfer(args, { cwd: dir.path });
  assertEquals(second.code, 0, second.stderr);
  assertMatch(second.stdout, /\n3 files, [23]\d\.\d MB in .*; [\d.]+ [MK]?B were there already\n$/);
  for (const name of files) {
    assertEquals(sha256(await Deno.readFile(at(`uploads/${name}`))), sha256(await Deno.readFile(at(name))));
  }
});

Deno.test("an end while the server is silent is not held up by it", async () => {
  await using dir = await tempDir();
  await using server = rollCall(4, { isSilent: true });
  for (let i = 0; i < 9; i++) await Deno.writeTextFile(join(dir.path, `${i}`), "");
  const client = startTransfer(["upload", dir.path, "--ws", server.ws]);
  await Promise.race([server.complete, client.status]);
  client.kill("SIGINT");
  const { code, stderr } = await finished(client);
  assertEquals(code, 130, stderr);
  assertEquals(server.started.length, 4);
});

Deno.test("a server that is not there is waited for once, not once for each file", async () => {
  await using dir = await tempDir();
  let attempts = 0;
  await using absent = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    attempts++;
    return new Response(null, { status: 503 });
  });
  for (let i = 0; i < 30; i++) await Deno.writeTextFile(join(dir.path, `${i}`), "");
  const ws = `ws://127.0.0.1:${absent.addr.port}/ws`;
  const { code, stdout } = await transfer(["upload", dir.path, "--parallel", "2", "--ws", ws]);
  assertEquals(code, 1);
  assertMatch(stdout, /; 30 failed\n$/);
  // Two try again and again, the others once each.
  assert(attempts < 28 + 2 * 20, String(attempts));
});
