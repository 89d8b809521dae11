import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { realDisk } from "../../store/disk.ts";
import { filesBelow, pseudoRandomBytes } from "../support/bytes.ts";
import { HAS_UNIX_FILES } from "../support/machine.ts";
import {
  type Content,
  DIGEST,
  FILE,
  HALF,
  journal,
  load,
  namesIn,
  OPEN,
  torn,
  UPLOAD,
  write,
} from "../support/stored_uploads.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Directories as crashes, people and attackers leave them, and what becomes of them. */
const DIRECTORIES: readonly {
  readonly what: string;
  readonly files: Readonly<Record<string, Content>>;
  /** Length of the upload found. */
  readonly found?: number;
  readonly unusable?: RegExp;
  /** What is there afterwards; by default what was. */
  readonly left?: readonly string[];
}[] = [
  {
    what: "a part and its journal",
    files: { "data.bin.part": HALF, "data.bin.part.journal": journal(OPEN) },
    found: 500,
  },
  {
    what: "a part whose journal has a torn tail",
    files: { "data.bin.part": HALF, "data.bin.part.journal": journal(OPEN) + torn(journal(OPEN)) },
    found: 500,
  },
  {
    what: "a part whose journal was torn at its first record",
    files: { "data.bin.part": HALF, "data.bin.part.journal": torn(journal(OPEN)) },
    unusable: /^data\.bin\.part: its journal does not say what it is of$/,
  },
  {
    what: "an empty part whose journal was torn at its first record",
    files: { "data.bin.part": "", "data.bin.part.journal": torn(journal(OPEN)) },
    left: [],
  },
  { what: "an empty part without a journal", files: { "data.bin.part": "" }, left: [] },
  {
    what: "a part without a journal",
    files: { "data.bin.part": HALF },
    unusable: /^data\.bin\.part: it has no journal$/,
  },
  { what: "a journal without a part", files: { "data.bin.part.journal": journal(OPEN) }, left: [] },
  { what: "an empty journal without a part", files: { "data.bin.part.journal": "" }, left: [] },
  {
    what: "a part longer than announced",
    files: { "data.bin.part": pseudoRandomBytes(1001), "data.bin.part.journal": journal(OPEN) },
    unusable: /^data\.bin\.part: it has 1001 bytes, announced were 1000$/,
  },
  ...["../../etc/passwd", "/etc/passwd", "", ".hidden", "a\u0000b", "x.part"].map((name) => ({
    what: `a journal with the name ${JSON.stringify(name)}`,
    files: { "data.bin.part": HALF, "data.bin.part.journal": journal({ ...OPEN, name }) },
    unusable: /^data\.bin\.part: its journal holds a name that no upload has$/,
  })),
  {
    what: "a journal of another version",
    files: { "data.bin.part": HALF, "data.bin.part.journal": journal({ ...OPEN, version: 2 }) },
    unusable: /does not say what it is of/,
  },
  {
    what: "a part that is a symbolic link",
    files: { target: HALF, "data.bin.part": { linkTo: "target" }, "data.bin.part.journal": journal(OPEN) },
    unusable: /^data\.bin\.part: it is no regular file$/,
  },
  {
    what: "a part that is a symbolic link, without a journal",
    files: { target: HALF, "data.bin.part": { linkTo: "target" } },
    unusable: /^data\.bin\.part: it has no journal$/,
  },
  { what: "files that are none of this program's", files: { "a.bin": HALF, "b.partial": "x", "part": "y" } },
];

for (const { what, files, found, unusable, left = Object.keys(files) } of DIRECTORIES) {
  const hasLink = Object.values(files).some((content) => typeof content === "object" && "linkTo" in content);
  Deno.test({ name: `found at a start: ${what}`, ignore: hasLink && !HAS_UNIX_FILES }, async () => {
    await using dir = await tempDir();
    await write(dir.path, files);
    const loaded = await load(dir.path);
    assertEquals(loaded.uploads.map(({ part }) => part.length), found === undefined ? [] : [found]);
    assertEquals(loaded.unusable.length, unusable === undefined ? 0 : 1, loaded.unusable.join());
    if (unusable !== undefined) assertMatch(loaded.unusable[0] ?? "", unusable);
    assertEquals(await namesIn(dir.path), [...left].sort());
    if ("target" in files) assertEquals(await Deno.readFile(join(dir.path, "target")), HALF);
  });
}

Deno.test("what one part has wrong keeps no other from going on", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "sub"));
  await write(dir.path, {
    "bad.part": HALF,
    "bad.part.journal": "garbage\n",
    "sub/data.bin.part": HALF,
    "sub/data.bin.part.journal": journal({ ...OPEN, name: "sub/data.bin" }),
  });
  const { uploads, unusable } = await load(dir.path);
  assertEquals(uploads.map(({ name }) => name), ["sub/data.bin"]);
  assertEquals(unusable.length, 1);
});

/** A part that was being published when its process died, and what stands under the final name. */
const PUBLISHING: readonly {
  readonly what: string;
  readonly part: boolean;
  readonly target: "the part itself" | "another file" | "a shorter file of the same id" | "nothing";
  readonly finished: boolean;
}[] = [
  { what: "linked, its own name not removed yet", part: true, target: "the part itself", finished: true },
  { what: "renamed", part: false, target: "the part itself", finished: true },
  { what: "not linked yet", part: true, target: "nothing", finished: false },
  { what: "not linked, the name is another file's", part: true, target: "another file", finished: false },
  {
    // A directory that was copied: its files have other ids than the journals say, or each other's.
    what: "copied, the name is another file's that has the id by chance",
    part: true,
    target: "a shorter file of the same id",
    finished: false,
  },
];

for (const { what, part, target, finished } of PUBLISHING) {
  Deno.test(`a part that was being published, ${what}: ${finished ? "is finished" : "goes on"}`, async () => {
    await using dir = await tempDir();
    const { path: root } = dir;
    const [partPath, targetPath] = [join(root, "data.bin.part"), join(root, "data.bin")];
    await Deno.writeFile(partPath, FILE);
    if (target === "the part itself") await Deno.link(partPath, targetPath);
    if (target === "another file") await Deno.writeTextFile(targetPath, "somebody's");
    if (target === "a shorter file of the same id") await Deno.writeTextFile(targetPath, "somebody's");
    const named = target === "a shorter file of the same id" ? targetPath : partPath;
    const id = (await realDisk().stat(named))?.id;
    const publishing = { type: "publishing", path: "data.bin", id, fileSize: 1000, sha256: DIGEST };
    await Deno.writeTextFile(`${partPath}.journal`, journal({ ...OPEN, tokenHash: "t" }, publishing));
    if (!part) await Deno.remove(partPath);

    const { uploads, unusable, store } = await load(root);
    assertEquals(unusable, []);
    assertEquals(uploads.length, finished ? 0 : 1);
    const completed = store.completed.find("f", 0);
    if (finished) {
      assertEquals(completed, {
        fileId: "f",
        path: targetPath,
        fileSize: 1000,
        sha256: DIGEST,
        tokenHash: "t",
        atMs: 0,
      });
      assertEquals(await namesIn(root), ["data.bin"]);
      assertEquals(await Deno.readFile(targetPath), FILE);
      return;
    }
    assertEquals(completed, undefined);
    assertEquals(await Deno.readFile(partPath), FILE);
    if (target !== "nothing") assertEquals(await Deno.readTextFile(targetPath), "somebody's");
    const [found] = uploads;
    assert(found !== undefined);
    await found.part.recover();
    // Nothing claims the bytes to be durable, and the journal knows of no start of the machine.
    await found.part.append(FILE.subarray(found.part.length));
    const { path } = await store.publish(found, { overwrite: false, sha256: DIGEST, nowMs: 0 });
    await found.part.forget();
    assertEquals(await Deno.readFile(path), FILE);
    assertEquals(path, target === "nothing" ? targetPath : join(root, "data (1).bin"));
  });
}

Deno.test("a directory that was moved goes on, parts and half published ones alike", async () => {
  await using dir = await tempDir();
  const [before, after] = [join(dir.path, "before"), join(dir.path, "after")];
  await Deno.mkdir(before);
  const { store } = await load(before);
  const part = await store.create({ ...UPLOAD, name: "sub/data.bin" });
  await part.append(HALF);
  await part.close();
  await Deno.writeFile(join(before, "done.bin"), FILE);
  const id = (await realDisk().stat(join(before, "done.bin")))?.id;
  const publishing = { type: "publishing", path: "done.bin", id, fileSize: 1000, sha256: DIGEST };
  await write(before, {
    "done.bin.part.journal": journal({ ...OPEN, fileId: "g", name: "done.bin" }, publishing),
  });

  await Deno.rename(before, after);
  const moved = await load(after);
  assertEquals(moved.unusable, []);
  assertEquals(moved.store.completed.find("g", 0)?.path, join(after, "done.bin"));
  const [upload] = moved.uploads;
  assert(upload !== undefined);
  await upload.part.recover();
  assertEquals([upload.part.length, upload.part.durable], [500, 500]);
  await upload.part.append(FILE.subarray(500));
  const { path } = await moved.store.publish(upload, { overwrite: false, sha256: DIGEST, nowMs: 0 });
  await upload.part.forget();
  assertEquals(path, join(after, "sub/data.bin"));
  assertEquals(await filesBelow(after), ["done.bin", "sub/data.bin"]);
});
