import { assert, assertEquals, assertRejects } from "@std/assert";
import { readText, realDisk } from "../../store/disk.ts";
import type { RangedPart } from "../../store/ranged_part.ts";
import { createRangedPart, findRangedPart, urlsOfParts } from "../../store/ranged_parts.ts";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { obstructedDisk } from "../support/obstructed_disk.ts";
import { tempDir } from "../support/temp_dir.ts";
import { VolatileDisk } from "../support/volatile_disk.ts";

const FILE = pseudoRandomBytes(1000);
const URL = "http://example.com/film.mkv";
const DOWNLOAD = { url: URL, name: "film.mkv" };
const VERSION = { size: FILE.length, validators: { etag: '"one"' }, blockBytes: 100 };
const WHOLE = { size: FILE.length, sha256: sha256(FILE), overwrite: false };

async function write(part: RangedPart, ...ranges: readonly (readonly [number, number])[]): Promise<void> {
  const writer = await part.openWriter();
  for (const [from, to] of ranges) await writer.write(FILE.subarray(from, to), from);
  writer.close();
}

/** A part as the next process finds it. */
async function found(place: Parameters<typeof findRangedPart>[0], url = URL): Promise<RangedPart> {
  const left = await findRangedPart(place, { url });
  assert(left.kind === "part", left.kind);
  return left.part;
}

Deno.test("what was claimed is found again, with what it is a part of, and the rest is not", async () => {
  await using dir = await tempDir();
  const place = { disk: realDisk(), directory: dir.path };
  const part = await createRangedPart(place, DOWNLOAD);
  await part.begin(VERSION);
  await write(part, [500, 600], [600, 650], [0, 100]);
  await part.sync();
  assertEquals([...part.durable], [{ from: 0, to: 100 }, { from: 500, to: 650 }]);
  await part.close();

  const again = await found(place);
  assertEquals([again.url, again.name, again.version?.size], [URL, "film.mkv", FILE.length]);
  assertEquals([again.version?.validators, again.version?.blockBytes], [{ etag: '"one"' }, 100]);
  assertEquals([...again.written], [{ from: 0, to: 100 }, { from: 500, to: 650 }]);
  await write(again, [100, 500], [650, 1000]);
  const { path } = await again.publish(WHOLE);
  assertEquals(await Deno.readFile(path), FILE);
  assertEquals(await filesBelow(dir.path), ["film.mkv"]);
});

Deno.test("bytes that no claim covers are gone for the next process", async () => {
  const place = { disk: new VolatileDisk(() => 0.5), directory: "/" };
  const part = await createRangedPart(place, DOWNLOAD);
  await part.begin(VERSION);
  await write(part, [0, 100]);
  await part.sync();
  await write(part, [100, 200]);
  place.disk.restart("crash");
  assertEquals([...(await found(place)).written], [{ from: 0, to: 100 }]);
  assertEquals((await place.disk.stat("/film.mkv.part"))?.size, 100);
});

Deno.test("a sync that waits for another claims nothing of a version that is over by then", async () => {
  await using dir = await tempDir();
  const { disk, hold, release } = obstructedDisk();
  const part = await createRangedPart({ disk, directory: dir.path }, DOWNLOAD);
  await part.begin(VERSION);
  await write(part, [0, 100]);
  const held = hold("film.mkv.part", "sync");
  const syncing = part.sync();
  await held;
  await write(part, [100, 200]);
  const waiting = part.sync();
  const begun = part.begin({ ...VERSION, validators: { etag: '"two"' } });
  release();
  await Promise.all([syncing, waiting, begun]);
  assertEquals([...part.durable], []);
  const records = (await readText(disk, `${part.path}.journal`)).split("\n").slice(0, -1);
  assertEquals(records.map((record) => /"type":"(\w+)"/.exec(record)?.[1]).at(-1), "version");
  await part.close();
});

Deno.test("however long the journals of others are, only their beginnings are read", async () => {
  await using dir = await tempDir();
  const real = realDisk();
  let bytes = 0;
  const disk = {
    ...real,
    async open(path: string) {
      const file = await real.open(path);
      return {
        ...file,
        async readAt(buffer: Uint8Array, at: number) {
          const count = await file.readAt(buffer, at);
          bytes += count;
          return count;
        },
      };
    },
  };
  const part = await createRangedPart({ disk, directory: dir.path }, DOWNLOAD);
  await Deno.writeFile(`${part.path}.journal`, new Uint8Array(10_000_000), { append: true });
  assertEquals(await findRangedPart({ disk, directory: dir.path }, { url: `${URL}?other` }), {
    kind: "nothing",
  });
  assertEquals(await urlsOfParts({ disk, directory: dir.path }), new Set([URL]));
  assert(bytes < 1_000_000, `${bytes} bytes`);
  await part.close();
});

Deno.test("a part is one URL's alone, and one download's at a time", async () => {
  await using dir = await tempDir();
  const place = { disk: realDisk(), directory: dir.path };
  const part = await createRangedPart(place, DOWNLOAD);
  assertEquals(await findRangedPart(place, { url: URL }), { kind: "busy", path: part.path });
  assertEquals(await findRangedPart(place, { url: `${URL}?other` }), { kind: "nothing" });
  const other = await createRangedPart(place, { url: `${URL}?other`, name: "film.mkv" });
  assertEquals(await filesBelow(dir.path), [
    "film (1).mkv.part",
    "film (1).mkv.part.journal",
    "film.mkv.part",
    "film.mkv.part.journal",
  ]);
  await Promise.all([part.close(), other.close()]);
  assertEquals(await findRangedPart(place, { url: URL, name: "another.mkv" }), { kind: "nothing" });
  const again = await found(place, `${URL}?other`);
  await again.discard();
  assertEquals(await filesBelow(dir.path), ["film.mkv.part", "film.mkv.part.journal"]);
});

Deno.test("a claim whose bytes were changed is not believed, the others are", async () => {
  const place = { disk: new VolatileDisk(() => 0.5), directory: "/" };
  const part = await createRangedPart(place, DOWNLOAD);
  await part.begin(VERSION);
  for (const range of [[0, 100], [200, 300], [400, 500]] as const) {
    await write(part, range);
    await part.sync();
  }
  await part.close();
  await (await place.disk.open(part.path)).writeAt(new Uint8Array(1), 250);
  assertEquals([...(await found(place)).durable], [{ from: 0, to: 100 }, { from: 400, to: 500 }]);
});

Deno.test("another version of the file starts over, and nothing of the one before is left", async () => {
  const place = { disk: new VolatileDisk(() => 0.5), directory: "/" };
  const part = await createRangedPart(place, DOWNLOAD);
  await part.begin({ ...VERSION, size: 2000 });
  const writer = await part.openWriter();
  await writer.write(new Uint8Array(500).fill(7), 1500);
  writer.close();
  await part.sync();
  await part.begin(VERSION);
  assertEquals([part.written.bytes, part.durable.bytes], [0, 0]);
  await write(part, [0, 1000]);
  assertEquals((await part.publish(WHOLE)).fileSize, FILE.length);
});

Deno.test("a part with a gap, or of another length than it should be, is not published", async () => {
  const place = { disk: new VolatileDisk(() => 0.5), directory: "/" };
  const part = await createRangedPart(place, DOWNLOAD);
  await part.begin(VERSION);
  await write(part, [0, 400], [500, 1000]);
  await assertRejects(() => part.publish(WHOLE), RangeError, "no bytes from 400 to 500 of 1000");
  await write(part, [400, 500]);
  await (await place.disk.open(part.path)).writeAt(new Uint8Array(1), 1000);
  await assertRejects(() => part.publish(WHOLE), RangeError, "has 1001 bytes, 1000 were stored");
});

Deno.test("a taken name is left alone, or replaced when told to", async () => {
  await using dir = await tempDir();
  const place = { disk: realDisk(), directory: dir.path };
  await Deno.writeTextFile(`${dir.path}/film.mkv`, "mine");
  for (const overwrite of [false, true]) {
    const part = await createRangedPart(place, DOWNLOAD);
    await part.begin(VERSION);
    await write(part, [0, 1000]);
    const { path } = await part.publish({ ...WHOLE, overwrite });
    assertEquals(path, `${dir.path}/${overwrite ? "film.mkv" : "film (1).mkv"}`);
  }
  assertEquals(await Deno.readFile(`${dir.path}/film.mkv`), FILE);
});

Deno.test("parts and journals of others are neither used nor touched", async () => {
  await using dir = await tempDir();
  const others = {
    "film.mkv.part": "somebody's",
    "film (1).mkv.part.journal": "no journal at all",
    "film (1).mkv.part": "",
    "upload.bin.part.journal": '5f8a1c22 {"type":"open"}\n',
  };
  for (const [name, text] of Object.entries(others)) await Deno.writeTextFile(`${dir.path}/${name}`, text);
  const place = { disk: realDisk(), directory: dir.path };
  assertEquals(await findRangedPart(place, { url: URL }), { kind: "nothing" });
  const part = await createRangedPart(place, DOWNLOAD);
  assertEquals(part.path, `${dir.path}/film (2).mkv.part`);
  await part.discard();
  for (const [name, text] of Object.entries(others)) {
    assertEquals(await Deno.readTextFile(`${dir.path}/${name}`), text);
  }
});

Deno.test("a journal whose first record is torn is tidied up, however far it came", async () => {
  const place = { disk: new VolatileDisk(() => 0.5), directory: "/" };
  const part = await createRangedPart(place, DOWNLOAD);
  const record = await readText(place.disk, `${part.path}.journal`);
  await part.discard();
  for (const text of [record.slice(0, -1), record.slice(0, 20), record.slice(0, 5), "", "\0\0\0"]) {
    await (await place.disk.create("/film.mkv.part.journal")).writeAt(new TextEncoder().encode(text), 0);
    assertEquals(await findRangedPart(place, { url: URL }), { kind: "nothing" });
    assertEquals(await place.disk.list("/"), [], JSON.stringify(text));
  }
});

Deno.test("a failed sync claims nothing, and nothing after it is claimed either", async () => {
  await using dir = await tempDir();
  const obstructed = obstructedDisk();
  const place = { disk: obstructed.disk, directory: dir.path };
  const part = await createRangedPart(place, DOWNLOAD);
  await part.begin(VERSION);
  await write(part, [0, 100]);
  await part.sync();
  await write(part, [100, 200]);
  obstructed.failSync("film.mkv.part");
  const error = await assertRejects(() => part.sync());
  await write(part, [200, 300]);
  assertEquals(await assertRejects(() => part.sync()), error);
  assertEquals(await assertRejects(() => part.publish(WHOLE)).then(() => "not published"), "not published");
  await assertRejects(() => part.close());
  const again = await found(place);
  assertEquals([...again.durable], [{ from: 0, to: 100 }]);
  await again.close();
});

Deno.test("a full disk is told from the start, and in the middle leaves what was claimed", async () => {
  const place = { disk: new VolatileDisk(() => 0.5), directory: "/" };
  const part = await createRangedPart(place, DOWNLOAD);
  await part.begin(VERSION);
  assertEquals(await part.missingSpace(), 0);
  place.disk.limit(700);
  assertEquals(await part.missingSpace(), 300);
  await write(part, [0, 100]);
  await part.sync();
  // 300 are lacking now for 900, less what the journal took.
  assert(await part.missingSpace() > 300);
  place.disk.limit(10);
  const error = await assertRejects(() => write(part, [100, 200]));
  assertEquals(error instanceof Error && "code" in error && error.code, "ENOSPC");
  place.disk.limit(Infinity);
  await part.close();
  assertEquals([...(await found(place)).durable], [{ from: 0, to: 100 }]);
});
