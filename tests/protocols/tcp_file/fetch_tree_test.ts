import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { TreeFetch } from "../../../protocols/tcp_file/fetch_tree.ts";
import { Remote } from "../../../protocols/tcp_file/remote.ts";
import { filesBelow, pseudoRandomBytes } from "../../support/bytes.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchNames } from "../../support/tree_fetch.ts";
import { rootOfBytes, xferTestServer } from "../../support/xfer_test_server.ts";

const MIB = 1024 * 1024;
const LARGE = pseudoRandomBytes(5 * MIB + 12_345);
const MTIME = 1_700_000_000_123;

Deno.test("a run that is ended while it looks what is there looks no further", async () => {
  await using dir = await tempDir();
  const version = { size: 1, mtimeMs: MTIME };
  for (const name of ["a", "b"]) {
    await Deno.writeTextFile(join(dir.path, name), "x");
    await Deno.utime(join(dir.path, name), 0, new Date(MTIME));
  }
  const stop = new AbortController();
  const access = { endpoint: { hostname: "127.0.0.1", port: 1 }, tls: undefined, token: undefined };
  using remote = new Remote(access, stop.signal);
  const ends: string[] = [];
  await using tree = new TreeFetch({
    remote,
    connections: 1,
    directory: dir.path,
    overwrite: false,
    onEnd: ({ path }) => {
      ends.push(path);
      stop.abort("SIGINT");
    },
  });
  const fetching = tree.fetch(["a", "b"].map((path) => ({ path, type: "file", ...version })));
  assertEquals(await fetching.catch((reason) => reason), "SIGINT");
  assertEquals(ends, ["a"]);
});

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
