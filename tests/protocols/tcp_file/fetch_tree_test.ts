import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes } from "../../support/bytes.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchNames } from "../../support/tree_fetch.ts";
import { rootOfBytes, xferTestServer } from "../../support/xfer_test_server.ts";

const MIB = 1024 * 1024;
const LARGE = pseudoRandomBytes(5 * MIB + 12_345);
const MTIME = 1_700_000_000_123;

Deno.test("a tree arrives with its folders, bytes and times, and a second run fetches nothing", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({
    "empty": new Uint8Array(0),
    "one block.bin": pseudoRandomBytes(MIB, 2),
    "photos/one.jpg": pseudoRandomBytes(1000, 3),
    "photos/raw/large.bin": LARGE,
  }, { mtimeMs: MTIME });
  const setting = { port: server.port, directory: dir.path };
  const ends = await fetchNames(setting);
  assertEquals(ends.map(({ kind, path }) => [kind, path]), [
    ["done", "empty"],
    ["done", "one block.bin"],
    ["done", "photos/one.jpg"],
    ["done", "photos/raw/large.bin"],
  ]);
  const last = ends.at(-1);
  assert(last?.kind === "done");
  assertEquals([last.digest, last.fetchedBytes], [{ root: rootOfBytes(LARGE) }, LARGE.length]);
  assertEquals(await filesBelow(dir.path), [...server.files.keys()]);
  for (const [path, { bytes }] of server.files) {
    assertEquals(await Deno.readFile(join(dir.path, path)), bytes);
    assertEquals((await Deno.stat(join(dir.path, path))).mtime?.getTime(), MTIME);
  }
  const gets = server.gets.length;
  assertEquals(new Set((await fetchNames(setting)).map(({ kind }) => kind)), new Set(["there"]));
  assertEquals(server.gets.length, gets);
  assertEquals([...Deno.readDirSync(dir.path)].some(({ name }) => name === ".transfer"), false);
});
