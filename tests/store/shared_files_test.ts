import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { Catalogue } from "../../store/catalogue.ts";
import { SharedFile, SharedFiles } from "../../store/shared_files.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { tempDir } from "../support/temp_dir.ts";

async function catalogueOf(files: Readonly<Record<string, Uint8Array>>) {
  const dir = await tempDir();
  for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(join(dir.path, name), bytes);
  const catalogue = await Catalogue.open(dir.path, { isWatching: false });
  return {
    catalogue,
    path: dir.path,
    async [Symbol.asyncDispose]() {
      await catalogue[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

for (const [where, asyncReads] of [["memory", 0], ["a slow disk", Infinity]] as const) {
  Deno.test(`readers of one file at different places do not get in each other's way, from ${where}`, async () => {
    const bytes = pseudoRandomBytes(1_000_000);
    await using dir = await tempDir();
    await Deno.writeFile(join(dir.path, "file"), bytes);
    const file = new SharedFile(await Deno.open(join(dir.path, "file")), { asyncReads });
    await Promise.all(Array.from({ length: 200 }, async (_, i) => {
      const buffer = new Uint8Array(10_000);
      const count = await file.read(buffer, i * 5_000);
      assertEquals(buffer.subarray(0, count), bytes.subarray(i * 5_000, i * 5_000 + 10_000));
    }));
    const last = file.read(new Uint8Array(10), 0);
    // Not before the read under way has ended.
    file.close();
    assertEquals(await last, 10);
  });
}

Deno.test("no more files are open than allowed, however many are read, and each is read right", async () => {
  const names = Array.from({ length: 20 }, (_, i) => `file ${i}`);
  await using dir = await catalogueOf(
    Object.fromEntries(names.map((name) => [name, new TextEncoder().encode(name)])),
  );
  using files = new SharedFiles(dir.catalogue, { maxOpen: 3 });
  for (const name of [...names, ...names.toReversed()]) {
    const buffer = new Uint8Array(100);
    const count = await files.find(name, 0)?.read(buffer, 0);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, count)), name);
    assert(files.count <= 3);
  }
});

Deno.test("a file that took the place of another is the one that is found, and its name is not enough", async () => {
  await using dir = await catalogueOf({ file: new Uint8Array([1]), next: new Uint8Array([2]) });
  using files = new SharedFiles(dir.catalogue, { maxOpen: 3 });
  const before = files.find("file", 0);
  await Deno.rename(join(dir.path, "next"), join(dir.path, "file"));
  const buffer = new Uint8Array(1);
  // Who reads on reads what it began with.
  assert(files.again("file", 0) === before);
  await files.find("file", 0)?.read(buffer, 0);
  assertEquals(buffer[0], 2);
  await Deno.remove(join(dir.path, "file"));
  assertEquals(files.find("file", 0), undefined);
  assertEquals(files.count, 0);
});

Deno.test("what nobody reads is closed", async () => {
  await using dir = await catalogueOf({ old: new Uint8Array(1), new: new Uint8Array(1) });
  using files = new SharedFiles(dir.catalogue, { maxOpen: 3 });
  const old = files.find("old", 1);
  files.find("new", 5);
  files.closeUnused(5);
  assertEquals(files.count, 1);
  await assertRejects(async () => await old?.read(new Uint8Array(1), 0));
});

Deno.test("a file that can't be opened is no file that is not there", () => {
  using files = new SharedFiles({
    openFile() {
      throw new Deno.errors.PermissionDenied("no");
    },
    readFile: () => undefined,
    statFile: () => undefined,
  }, { maxOpen: 1 });
  assertThrows(() => files.find("file", 0), Deno.errors.PermissionDenied);
});

Deno.test("files are not read at one go while reads are left to a thread", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(join(dir.path, "file"), "text");
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  let waitsMs = 6;
  using files = new SharedFiles({
    openFile: (path) => catalogue.openFile(path),
    statFile: (path) => catalogue.statFile(path),
    readFile(path, buffer) {
      const untilMs = performance.now() + waitsMs;
      while (performance.now() < untilMs);
      return catalogue.readFile(path, buffer);
    },
  }, { maxOpen: 1 });
  const read = () => files.readAtOnce("file", new Uint8Array(8))?.size;
  assertEquals([read(), read()], [4, undefined]);
  waitsMs = 0;
  assertEquals(read(), undefined);
  for (let reads = 0; reads < 64; reads++) await files.find("file", 0)?.read(new Uint8Array(8), 0);
  assertEquals(read(), 4);
});
