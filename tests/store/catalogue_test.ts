import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { Catalogue, type CatalogueOptions } from "../../store/catalogue.ts";
import { Changes } from "../support/changes.ts";
import { HAS_UNIX_FILES } from "../support/machine.ts";
import { tempDir } from "../support/temp_dir.ts";

/** How a catalogue may learn of changes. */
const WAYS: Readonly<Record<string, CatalogueOptions>> = {
  "told by the system": { lookAgainMs: 3_600_000 },
  "looking again": { isWatching: false, lookAgainMs: 10 },
};

async function filled(paths: readonly string[]): Promise<AsyncDisposable & { readonly path: string }> {
  const dir = await Deno.makeTempDir({ prefix: "transfer-test-" });
  for (const path of paths) {
    await Deno.mkdir(join(dir, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(dir, path), path);
  }
  return {
    path: await Deno.realPath(dir),
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

Deno.test("files and directories are offered, sorted, with size and time", async () => {
  await using dir = await filled(["b/two words.txt", "a\nb", "c|d", "b/c/empty"]);
  await Deno.truncate(join(dir.path, "b/c/empty"));
  await Deno.utime(join(dir.path, "b/c/empty"), 1, 1.5);
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  assertEquals(catalogue.pathsBelow(""), ["a\nb", "b", "b/c", "b/c/empty", "b/two words.txt", "c|d"]);
  assertEquals(catalogue.pathsBelow("b/c"), ["b/c", "b/c/empty"]);
  assertEquals(catalogue.get("b/c/empty"), { path: "b/c/empty", type: "file", size: 0, mtimeMs: 1500 });
  assertEquals(catalogue.topFiles().map(({ path }) => path), ["a\nb", "c|d"]);
});

Deno.test({
  name:
    "what is hidden, of this program, a link out, to a directory or to nowhere, and pipes are not offered",
  ignore: !HAS_UNIX_FILES,
}, async () => {
  await using outside = await filled(["secret"]);
  await using dir = await filled([
    "x.part",
    "x.part.journal",
    ".transfer/lock",
    ".hidden",
    "list.txt",
    "real/file",
  ]);
  const link = (to: string, name: string) => Deno.symlink(to, join(dir.path, name));
  await link(join(outside.path, "secret"), "out");
  await link("../../../../etc/passwd", "out-relative");
  await link(outside.path, "out-directory");
  await link("real", "in-directory");
  await link("nowhere", "dangling");
  await link("self", "self");
  await link(".hidden", "in-hidden");
  await link("real/file", "in-file");
  await new Deno.Command("mkfifo", { args: [join(dir.path, "pipe")] }).output();
  const exclude = [join(dir.path, "list.txt")];
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false, exclude });
  assertEquals(catalogue.pathsBelow(""), ["in-file", "real", "real/file"]);
  assertEquals(catalogue.get("in-file")?.size, "real/file".length);
  const unreachable = [
    "out",
    "out-directory/secret",
    "in-directory/file",
    "in-hidden",
    "pipe",
    "real",
    "list.txt",
  ];
  const hostile = [
    "../x",
    "/etc/passwd",
    "real/../real/file",
    "real//file",
    "./real/file",
    "real/file/",
    "a\0b",
    "",
  ];
  for (const path of [...unreachable, ...hostile, ".hidden", ".transfer/lock", "x.part"]) {
    assertEquals(catalogue.openFile(path), undefined, path);
    await catalogue.refresh(path);
    if (path !== "real") assertEquals(catalogue.get(path), undefined, path);
  }
  catalogue.openFile("in-file")?.file.close();
});

for (const [way, options] of Object.entries(WAYS)) {
  Deno.test(`the catalogue follows the directory, ${way}`, async () => {
    await using dir = await filled(["old", "moved/1", "moved/2"]);
    const changes = new Changes();
    await using catalogue = await Catalogue.open(dir.path, { ...options, onChange: changes.onChange });
    const at = (path: string) => join(dir.path, path);
    const becomes = (...paths: string[]) =>
      changes.until(() => JSON.stringify(catalogue.pathsBelow("")) === JSON.stringify(paths));

    await Deno.mkdir(at("new/deep"), { recursive: true });
    await Deno.writeTextFile(at("new/deep/file"), "1");
    await becomes("moved", "moved/1", "moved/2", "new", "new/deep", "new/deep/file", "old");
    await Deno.writeTextFile(at("new/deep/file"), "longer");
    await changes.until(() => catalogue.get("new/deep/file")?.size === 6);
    await Deno.rename(at("moved"), at("there"));
    await becomes("new", "new/deep", "new/deep/file", "old", "there", "there/1", "there/2");
    await Deno.remove(at("new"), { recursive: true });
    await Deno.remove(at("old"));
    await becomes("there", "there/1", "there/2");
    await Deno.remove(at("there"), { recursive: true });
    await Deno.writeTextFile(at("there"), "now a file");
    await becomes("there");
  });
}

Deno.test("more changes at once than are looked at one by one are all seen", async () => {
  await using dir = await filled([]);
  const changes = new Changes();
  await using catalogue = await Catalogue.open(dir.path, {
    lookAgainMs: 3_600_000,
    onChange: changes.onChange,
  });
  for (let i = 0; i < 10_000; i++) Deno.writeTextFileSync(join(dir.path, `file ${i}`), "");
  await changes.until(() => catalogue.size === 10_000);
});

Deno.test("what nobody told of is seen when it is asked for", async () => {
  await using dir = await filled([]);
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false, lookAgainMs: 3_600_000 });
  await Deno.mkdir(join(dir.path, "new/er"), { recursive: true });
  await Deno.writeTextFile(join(dir.path, "new/er/file"), "");
  await catalogue.refresh("new/er/file");
  assertEquals(catalogue.pathsBelow(""), ["new", "new/er", "new/er/file"]);
  await Deno.writeTextFile(join(dir.path, "new/er/file"), "longer");
  await Deno.writeTextFile(join(dir.path, "other"), "");
  await Promise.all([catalogue.refresh(""), catalogue.refresh(""), catalogue.refresh("new/no")]);
  assertEquals(catalogue.get("new/er/file")?.size, 6);
  assertEquals(catalogue.pathsBelow(""), ["new", "new/er", "new/er/file", "other"]);
});

Deno.test("there are never more entries than allowed, and that is told once", async () => {
  await using dir = await filled(["a/1", "a/2", "b", "c", "d"]);
  const problems: string[] = [];
  const options = {
    isWatching: false,
    maxEntries: 4,
    onProblem: (reason: string) => void problems.push(reason),
  };
  await using catalogue = await Catalogue.open(dir.path, options);
  assertEquals(catalogue.size, 4);
  assertEquals(problems.length, 1);
});

Deno.test("without a directory there is no catalogue", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(join(dir.path, "file"), "");
  await assertRejects(() => Catalogue.open(join(dir.path, "none")), Deno.errors.NotFound);
  await assertRejects(() => Catalogue.open(join(dir.path, "file")), Deno.errors.NotADirectory);
});
