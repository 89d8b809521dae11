import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { type Disk, realDisk } from "../../store/disk.ts";
import { HAS_UNIX_FILES } from "../support/machine.ts";
import { DIGEST, FILE, HALF, load, namesIn, UPLOAD, write } from "../support/stored_uploads.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Uploads the file to a directory that may hold something under its name already. */
async function publish(
  root: string,
  { disk = realDisk(), overwrite = false }: { readonly disk?: Disk; readonly overwrite?: boolean } = {},
): Promise<string> {
  const { store } = await load(root, disk);
  const part = await store.create(UPLOAD);
  await part.append(FILE);
  const { path } = await store.publish({ ...UPLOAD, part }, { overwrite, sha256: DIGEST, nowMs: 0 });
  await part.forget();
  assertEquals(await Deno.readFile(path), FILE);
  return path.slice(root.length + 1);
}

for (const code of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]) {
  Deno.test(`a file system that answers ${code} to a link is published to, and nothing is replaced`, async () => {
    await using dir = await tempDir();
    const link = () => Promise.reject(Object.assign(new Error(`link: ${code}`), { code }));
    const disk = { ...realDisk(), link };
    assertEquals(await publish(dir.path, { disk }), "data.bin");
    await Deno.writeTextFile(join(dir.path, "data.bin"), "somebody's");
    assertEquals(await publish(dir.path, { disk }), "data (1).bin");
    assertEquals(await Deno.readTextFile(join(dir.path, "data.bin")), "somebody's");
    assertEquals(await namesIn(dir.path), ["data (1).bin", "data.bin"]);
  });
}

Deno.test("without links, too, a name that is taken at the last moment is not replaced", async () => {
  await using dir = await tempDir();
  const link = async (_from: string, to: string) => {
    if (to.endsWith("/data.bin")) await Deno.writeTextFile(to, "somebody's");
    throw Object.assign(new Error("link: EPERM"), { code: "EPERM" });
  };
  assertEquals(await publish(dir.path, { disk: { ...realDisk(), link } }), "data (1).bin");
  assertEquals(await Deno.readTextFile(join(dir.path, "data.bin")), "somebody's");
});

Deno.test("a link that fails for another reason publishes nothing and keeps the part", async () => {
  await using dir = await tempDir();
  const link = () => Promise.reject(Object.assign(new Error("link: EIO"), { code: "EIO" }));
  const failed = await publish(dir.path, { disk: { ...realDisk(), link } }).catch(String);
  assertMatch(failed, /EIO/);
  assertEquals(await namesIn(dir.path), ["data.bin.part", "data.bin.part.journal"]);
});

for (const [overwrite, expected] of [[true, "data.bin"], [false, "data (1).bin"]] as const) {
  Deno.test(`over a file, ${overwrite ? "with" : "without"} overwrite, a file becomes ${expected}`, async () => {
    await using dir = await tempDir();
    await write(dir.path, { "data.bin": "old" });
    assertEquals(await publish(dir.path, { overwrite }), expected);
  });
  for (const linkTo of ["elsewhere", "nowhere"]) {
    const name = `over a link to ${linkTo}, ${overwrite ? "with" : "without"} overwrite, a file is numbered`;
    Deno.test({ name, ignore: !HAS_UNIX_FILES }, async () => {
      await using dir = await tempDir();
      await write(dir.path, { elsewhere: "kept", "data.bin": { linkTo } });
      assertEquals(await publish(dir.path, { overwrite }), "data (1).bin");
      assertEquals(await Deno.readTextFile(join(dir.path, "elsewhere")), "kept");
    });
  }
  Deno.test(`over a folder, ${overwrite ? "with" : "without"} overwrite, a file is numbered`, async () => {
    await using dir = await tempDir();
    await Deno.mkdir(join(dir.path, "data.bin"));
    await write(dir.path, { "data.bin/inside": "kept" });
    assertEquals(await publish(dir.path, { overwrite }), "data (1).bin");
    assertEquals(await Deno.readTextFile(join(dir.path, "data.bin/inside")), "kept");
  });
}

Deno.test("a part that somebody else wrote to is not published", async () => {
  await using dir = await tempDir();
  const { store } = await load(dir.path);
  const part = await store.create(UPLOAD);
  await part.append(FILE);
  await Deno.writeFile(part.path, HALF, { append: true });
  const failed = await part.publish({ overwrite: false, sha256: DIGEST }).catch(String);
  assertMatch(String(failed), /has 1500 bytes, 1000 were stored/);
  assertEquals(await namesIn(dir.path), ["data.bin.part", "data.bin.part.journal"]);
});
