import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { realDisk } from "../../store/disk.ts";
import { ReceivedTree } from "../../store/received_tree.ts";
import { tempDir } from "../support/temp_dir.ts";

const MTIME = 1_700_000_000_000;

Deno.test("a file is known again by size and time, under its name or a numbered one", async () => {
  await using dir = await tempDir();
  const at = (name: string) => join(dir.path, name);
  for (
    const [name, text, mtimeMs] of [["a.txt", "mine", MTIME], ["a (1).txt", "theirs", MTIME], [
      "b",
      "x",
      5000,
    ]] as const
  ) {
    await Deno.writeTextFile(at(name), text);
    await Deno.utime(at(name), 0, new Date(mtimeMs));
  }
  const tree = new ReceivedTree(realDisk(), dir.path);
  assertEquals(await tree.spotFor("a.txt", { size: 6, mtimeMs: MTIME }), {
    kind: "there",
    path: at("a (1).txt"),
  });
  assertEquals(await tree.spotFor("b", { size: 1, mtimeMs: MTIME }), { kind: "wanted", path: at("b") });
  assertEquals(await tree.spotFor("c/d/e", { size: 0, mtimeMs: 1 }), { kind: "wanted", path: at("c/d/e") });
  assertEquals((await Deno.stat(at("c/d"))).isDirectory, true);
  // A server that tells no time is believed by the size alone.
  const other = new ReceivedTree(realDisk(), dir.path);
  assertEquals((await other.spotFor("b", { size: 1, mtimeMs: undefined })).kind, "there");
});

Deno.test("two files of one run are never taken for each other", async () => {
  await using dir = await tempDir();
  const tree = new ReceivedTree(realDisk(), dir.path);
  const version = { size: 1, mtimeMs: MTIME };
  assertEquals(await tree.spotFor("a", version), { kind: "wanted", path: join(dir.path, "a") });
  await Deno.writeTextFile(join(dir.path, "a"), "x");
  await Deno.utime(join(dir.path, "a"), 0, new Date(MTIME));
  assertEquals(await tree.spotFor("a", version), { kind: "wanted", path: join(dir.path, "a (1)") });
});

Deno.test("many files whose names become the same find their places one as quickly as the other", async () => {
  await using dir = await tempDir();
  const tree = new ReceivedTree(realDisk(), dir.path);
  const startedMs = performance.now();
  for (let count = 0; count < 10_000; count++) await tree.spotFor("a", { size: 1, mtimeMs: MTIME });
  const tookMs = performance.now() - startedMs;
  const spot = await tree.spotFor("a", { size: 1, mtimeMs: MTIME });
  assertEquals(spot, { kind: "wanted", path: join(dir.path, "a (10000)") });
  // Half a minute, if each looked at all before it.
  assertEquals(tookMs < 5_000, true, `${tookMs} ms`);
});

Deno.test("a folder that is a file is no folder", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(join(dir.path, "a"), "");
  const tree = new ReceivedTree(realDisk(), dir.path);
  await assertRejects(() => tree.spotFor("a/b", { size: 1, mtimeMs: 1 }), Deno.errors.NotADirectory);
  await assertRejects(() => tree.makeFolder("a"), Deno.errors.NotADirectory);
});

Deno.test("the place of a file that nothing stands in the way of is told at once, and once", async () => {
  await using dir = await tempDir();
  const at = (name: string) => join(dir.path, name);
  await Deno.mkdir(at("folder"));
  await Deno.writeTextFile(at("folder/taken"), "mine");
  const tree = new ReceivedTree(realDisk(), dir.path);
  assertEquals(tree.freeSpot("folder/a"), undefined);
  await tree.spotFor("folder/a", { size: 1, mtimeMs: MTIME });
  assertEquals(tree.freeSpot("folder/a"), undefined);
  assertEquals(tree.freeSpot("folder/taken"), undefined);
  assertEquals(tree.freeSpot("folder/b"), at("folder/b"));
  assertEquals(tree.freeSpot("folder/b"), undefined);
  tree.received(at("folder/c"));
  assertEquals(tree.freeSpot("folder/c"), undefined);
  assertEquals(tree.freeSpot("d"), undefined);
  await tree.makeFolder("e");
  assertEquals(tree.freeSpot("e/f"), at("e/f"));
});
