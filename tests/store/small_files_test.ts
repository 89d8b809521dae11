import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { makeParents } from "../../store/directory.ts";
import { type Disk, realDisk } from "../../store/disk.ts";
import { SmallFiles } from "../../store/small_files.ts";
import { pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { tempDir } from "../support/temp_dir.ts";
import { seededRandom } from "../support/virtual_upload.ts";
import { PowerLoss, VolatileDisk } from "../support/volatile_disk.ts";

const MTIME = 1_700_000_000_123;
const FILES = Array.from({ length: 12 }, (_, index) => pseudoRandomBytes(100 + index, index + 1));
const DIGESTS = new Set(FILES.map(sha256));
const CUTS = 1000;

Deno.test("files get names that are free, their time, and leave nothing aside", async () => {
  await using dir = await tempDir();
  const at = (name: string) => join(dir.path, name);
  await Deno.writeTextFile(at("a.txt"), "mine");
  await Deno.mkdir(at("folder"));
  {
    await using files = await SmallFiles.open(realDisk(), dir.path);
    const store = (names: readonly string[], overwrite = false) => {
      const bytes = new TextEncoder().encode("theirs");
      return files.store(names.map((name) => ({ path: at(name), bytes, mtimeMs: MTIME })), { overwrite });
    };
    assertEquals(await store(["a.txt", "a.txt", "b"]), [at("a (1).txt"), at("a (2).txt"), at("b")]);
    assertEquals(await store(["a.txt", "folder"], true), [at("a.txt"), at("folder (1)")]);
    assertEquals((await Deno.stat(at("b"))).mtime?.getTime(), MTIME);
    assertEquals(await Deno.readTextFile(at("a.txt")), "theirs");
  }
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();
  assertEquals(names, ["a (1).txt", "a (2).txt", "a.txt", "b", "folder", "folder (1)"]);
});

Deno.test("two processes have a place of their own, and what a dead one left goes", async () => {
  await using dir = await tempDir();
  const state = join(dir.path, ".transfer");
  await Deno.mkdir(join(state, "arriving-0"), { recursive: true });
  await Deno.writeTextFile(join(state, "arriving-0.lock"), "");
  await Deno.writeTextFile(join(state, "arriving-0", "7"), "half");
  const one = await SmallFiles.open(realDisk(), dir.path);
  const other = await SmallFiles.open(realDisk(), dir.path);
  assertEquals([...Deno.readDirSync(join(state, "arriving-0"))], []);
  assertEquals([...Deno.readDirSync(state)].map(({ name }) => name).sort(), [
    "arriving-0",
    "arriving-0.lock",
    "arriving-1",
    "arriving-1.lock",
  ]);
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test(`power lost at ${CUTS} random moments breaks no file that has its name, and takes none called stored`, async () => {
  let storedBefore = 0;
  for (let seed = 1; seed <= CUTS; seed++) {
    const random = seededRandom(seed);
    const disk = new VolatileDisk(random);
    await disk.makeDirectory("/d");
    await disk.syncDirectory("/");
    const stored = new Set<string>();
    try {
      for (let life = 0; life < 3; life++) {
        if (life < 2) disk.losePowerAt(Math.floor(random() * 150));
        await storeAll(disk, stored).catch((error: unknown) => {
          if (!(error instanceof PowerLoss)) throw error;
        });
        if (life === 0 && stored.size === FILES.length) storedBefore++;
        disk.restart(random() < 0.2 ? "crash" : "power");
        const found = await namesOf(disk);
        for (const [path, digest] of found) assert(DIGESTS.has(digest), `${path} is broken`);
        for (const path of stored) assert(found.has(path), `${path} is gone`);
      }
      assertEquals(stored.size >= FILES.length, true);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert(storedBefore > CUTS / 20 && storedBefore < CUTS * 19 / 20, String(storedBefore));
});

/** Stores all files in batches of four, into two folders. */
async function storeAll(disk: Disk, stored: Set<string>): Promise<void> {
  const files = await SmallFiles.open(disk, "/d");
  for (let from = 0; from < FILES.length; from += 4) {
    const folder = from % 8 === 0 ? "one" : "two";
    await makeParents(disk, "/d", `${folder}/x`);
    const batch = FILES.slice(from, from + 4).map((bytes, index) => {
      return { path: `/d/${folder}/${from + index}`, bytes, mtimeMs: MTIME };
    });
    for (const path of await files.store(batch, { overwrite: false })) stored.add(path ?? "");
  }
  await files[Symbol.asyncDispose]();
}

/** What has a name, and the digest of what it is. */
async function namesOf(disk: Disk): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const folder of ["/d/one", "/d/two"]) {
    if (await disk.stat(folder) === undefined) continue;
    for (const { name } of await disk.list(folder)) {
      const path = `${folder}/${name}`;
      const bytes = new Uint8Array((await disk.stat(path))?.size ?? 0);
      await (await disk.open(path)).readAt(bytes, 0);
      found.set(path, sha256(bytes));
    }
  }
  return found;
}
