import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ConnectionProblem } from "../../../net/connection_problem.ts";
import { encodeListPages } from "../../../protocols/tcp_file/list_pages.ts";
import type { CatalogueEntry } from "../../../store/catalogue_entries.ts";
import { filesBelow, pseudoRandomBytes } from "../../support/bytes.ts";
import { HAS_UNIX_FILES } from "../../support/machine.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchNames } from "../../support/tree_fetch.ts";
import { xferTestServer } from "../../support/xfer_test_server.ts";

const SMALL = pseudoRandomBytes(3000);
const LARGE = pseudoRandomBytes(1_500_000);

const NAMES: readonly (readonly [served: string, local: string])[] = [
  ["two words.txt", "two words.txt"],
  [`it's "quoted".txt`, "it's _quoted_.txt"],
  ["line\nbreak.txt", "line_break.txt"],
  ["a|b.txt", "a_b.txt"],
  ["CON.txt", "_CON.txt"],
  [".ssh/authorized_keys", "_ssh/authorized_keys"],
  [".transfer/arriving-0/0", "_transfer/arriving-0/0"],
  ["film.mkv.part.journal", "film.mkv.part.journal_"],
  ["back\\slash.txt", "back/slash.txt"],
  ["-rf", "-rf"],
];

Deno.test("names are made safe, whatever they are on the server, and the files come right", async () => {
  await using dir = await tempDir();
  for (const bytes of [SMALL, LARGE]) {
    const directory = join(dir.path, String(bytes.length));
    await using server = xferTestServer(Object.fromEntries(NAMES.map(([served]) => [served, bytes])));
    const ends = await fetchNames({ port: server.port, directory });
    assertEquals(ends.filter(({ kind }) => kind !== "done"), []);
    assertEquals(await filesBelow(directory), NAMES.map(([, local]) => local).sort());
    for (const [, local] of NAMES) assertEquals(await Deno.readFile(join(directory, local)), bytes);
  }
});

Deno.test("a list that leads out of the directory leads nowhere", async () => {
  await using dir = await tempDir();
  const directory = join(dir.path, "data");
  const paths = ["../out", "/etc/out", "a/../../out", "C:\\out", "..", "a/.."];
  await using server = xferTestServer(Object.fromEntries(paths.map((path) => [path, SMALL])), {
    misbehaviour: {
      list: () =>
        paths.map((path): CatalogueEntry => ({ path, type: "file", size: SMALL.length, mtimeMs: 1 })),
    },
  });
  await fetchNames({ port: server.port, directory }).catch(() => {});
  const outside = (await filesBelow(dir.path)).filter((path) => !path.startsWith("data/"));
  assertEquals(outside, []);
  assertEquals((await filesBelow(directory)).filter((path) => !path.startsWith("out")), []);
});

Deno.test("names that become the same are files of their own, and are known again", async () => {
  await using dir = await tempDir();
  const served = { "a:b": SMALL, "a?b": pseudoRandomBytes(3000, 2), "a_b": pseudoRandomBytes(3000, 3) };
  await using server = xferTestServer(served);
  const setting = { port: server.port, directory: dir.path };
  const ends = await fetchNames(setting);
  assertEquals(await filesBelow(dir.path), ["a_b", "a_b (1)", "a_b (2)"]);
  for (const end of ends) {
    assert(end.kind === "done");
    assertEquals(await Deno.readFile(end.local), server.files.get(end.path)?.bytes);
  }
  assertEquals((await fetchNames(setting)).map(({ kind }) => kind), ["there", "there", "there"]);
  assertEquals((await filesBelow(dir.path)).length, 3);
});

Deno.test({ name: "a symbolic link in the directory is not followed", ignore: !HAS_UNIX_FILES }, async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "data"));
  await Deno.mkdir(join(dir.path, "elsewhere"));
  await Deno.symlink("../elsewhere", join(dir.path, "data", "photos"));
  await Deno.symlink("../elsewhere/target", join(dir.path, "data", "linked"));
  await using server = xferTestServer({
    "photos/one.jpg": SMALL,
    "photos/two.jpg": LARGE,
    "linked": SMALL,
    "other": SMALL,
  });
  const ends = await fetchNames({ port: server.port, directory: join(dir.path, "data"), overwrite: true });
  const failures = ends.filter(({ kind }) => kind === "failed");
  assertEquals(failures.map(({ path }) => path), ["photos", "photos/one.jpg", "photos/two.jpg"]);
  for (const end of failures) assertMatch(end.kind === "failed" ? end.reason : "", /is no folder/);
  assertEquals(await filesBelow(join(dir.path, "elsewhere")), []);
  assertEquals(await Deno.readFile(join(dir.path, "data", "linked (1)")), SMALL);
});

Deno.test("nothing is replaced, unless that is asked for", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(join(dir.path, "small"), "mine");
  await Deno.writeTextFile(join(dir.path, "large"), "mine too");
  await using server = xferTestServer({ "large": LARGE, "small": SMALL });
  const setting = { port: server.port, directory: dir.path };
  await fetchNames(setting);
  assertEquals(await filesBelow(dir.path), ["large", "large (1)", "small", "small (1)"]);
  assertEquals(await Deno.readTextFile(join(dir.path, "small")), "mine");
  assertEquals(new Set((await fetchNames(setting)).map(({ kind }) => kind)), new Set(["there"]));
  await Deno.remove(join(dir.path, "small (1)"));
  await Deno.remove(join(dir.path, "large (1)"));
  await fetchNames({ ...setting, overwrite: true });
  assertEquals(await filesBelow(dir.path), ["large", "small"]);
  assertEquals(await Deno.readFile(join(dir.path, "large")), LARGE);
  assertEquals(await Deno.readFile(join(dir.path, "small")), SMALL);
});

Deno.test("a list of empty pages, which could go on for ever, is not read on", async () => {
  await using dir = await tempDir();
  const [empty = new Uint8Array(0)] = encodeListPages([]);
  await using server = xferTestServer({ a: SMALL }, {
    misbehaviour: { pages: (honest) => [empty, empty, ...honest] },
  });
  const setting = { port: server.port, directory: dir.path };
  await assertRejects(() => fetchNames(setting), ConnectionProblem, "empty pages");
});
