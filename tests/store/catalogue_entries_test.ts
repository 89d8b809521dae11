import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CatalogueEntries, type CatalogueEntry } from "../../store/catalogue_entries.ts";

const file = (path: string, size = 1): CatalogueEntry => ({ path, type: "file", size, mtimeMs: 5 });
const folder = (path: string): CatalogueEntry => ({ path, type: "directory", size: 0, mtimeMs: 5 });
const byPath = (...entries: CatalogueEntry[]) => new Map(entries.map((entry) => [entry.path, entry]));

Deno.test("what is below a path is neither what begins with its name nor the path of another", () => {
  const entries = new CatalogueEntries();
  const all = byPath(
    folder("a"),
    file("a/x"),
    file("a b"),
    file("a.txt"),
    file("a0"),
    folder("b"),
    file("b/a"),
  );
  assert(entries.replaceBelow("", all));
  assertEquals(entries.pathsBelow("a"), ["a", "a/x"]);
  assertEquals(entries.pathsBelow(""), ["a", "a b", "a.txt", "a/x", "a0", "b", "b/a"]);
  assertEquals(entries.pathsBelow("c"), []);
  assertEquals(entries.pathsBelow("a0"), ["a0"]);
});

Deno.test("what stays as it is says so", () => {
  const entries = new CatalogueEntries();
  entries.replaceBelow("", byPath(file("a"), file("b")));
  const [before, paths] = [entries.get("a"), entries.pathsBelow("")];
  assertEquals(entries.replaceBelow("", byPath(file("a"), file("b"))), false);
  assert(entries.replaceBelow("b", byPath(file("b", 2))));
  assert(entries.get("a") === before);
  assert(entries.pathsBelow("") === paths);
  assertEquals(entries.replaceBelow("c", new Map()), false);
});

Deno.test("looking at subtrees one by one gives what looking at all gives, in order", () => {
  const name = fc.constantFrom("a", "b", "a b", "a-", "a0");
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const tree = fc.uniqueArray(path, { maxLength: 20 }).map((paths) => {
    // A file with something below it is a directory.
    const all = new Set(paths.flatMap((each) => {
      const parts = each.split("/");
      return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
    }));
    const isFolder = (each: string) => [...all].some((other) => other.startsWith(`${each}/`));
    return byPath(...[...all].map((each) => isFolder(each) ? folder(each) : file(each)));
  });
  fc.assert(fc.property(tree, tree, (before, after) => {
    const entries = new CatalogueEntries();
    entries.replaceBelow("", before);
    const below = (top: string, of: ReadonlyMap<string, CatalogueEntry>) =>
      new Map([...of].filter(([each]) => each === top || each.startsWith(`${top}/`)));
    for (const top of ["a", "b", "a b", "a-", "a0"]) {
      const isSame = JSON.stringify([...below(top, before)].sort()) ===
        JSON.stringify([...below(top, after)].sort());
      assertEquals(entries.replaceBelow(top, below(top, after)), !isSame);
    }
    assertEquals(entries.pathsBelow(""), [...after.keys()].sort());
    for (const [each, entry] of after) assertEquals(entries.get(each), entry);
  }));
});
