import { assert, assertEquals } from "@std/assert";
import type { ByteRange } from "../../store/byte_ranges.ts";
import { createRangedPart, findRangedPart } from "../../store/ranged_parts.ts";
import type { RangedPart, RangeWriter } from "../../store/ranged_part.ts";
import { pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { seededRandom } from "../support/virtual_upload.ts";
import { PowerLoss, VolatileDisk } from "../support/volatile_disk.ts";

const URL = "http://example.com/data.bin";
/** What the server has, one after the other; they differ everywhere, and in length. */
const VERSIONS = [5000, 3000, 4000].map((length, index) => pseudoRandomBytes(length, index + 1));
const NOTHING = new Uint8Array(0);
const CUTS = 4000;

/** What the outside knew before the power went. */
interface Told {
  /** Which version the server has at the moment. */
  version: number;
  /** Ranges called durable, of the version that was being received. */
  durable: ByteRange[];
  completed: boolean;
}

const etagOf = (version: number) => `"${version}"`;

/** Downloads what is missing, as an engine does with two connections; completes it or loses power. */
async function download(disk: VolatileDisk, told: Told, random: () => number): Promise<void> {
  const place = { disk, directory: "/d" };
  const left = await findRangedPart(place, { url: URL });
  if (left.kind === "published") {
    assert(VERSIONS.some((file) => sha256(file) === left.published.sha256));
    told.completed = true;
    return;
  }
  assert(left.kind !== "busy");
  if (left.kind === "nothing" && told.durable.length > 0) {
    // The power went over the very last step: only the news of it was lost.
    assert(isWhole(await contentOf(disk, "/d/data.bin")));
    await disk.syncDirectory("/d");
    told.completed = true;
    return;
  }
  const part = left.kind === "part"
    ? left.part
    : await createRangedPart(place, { url: URL, name: "data.bin" });
  for (const range of told.durable) assert(part.durable.covers(range), "durable bytes are gone");
  await checkContent(disk, part);
  const etag = etagOf(told.version);
  if (part.version?.validators.etag !== etag) {
    told.durable = [];
    await part.begin({ size: VERSIONS[told.version]?.length, validators: { etag } });
  }
  await fill(part, told, random);
  const file = VERSIONS[told.version] ?? NOTHING;
  const overwrite = random() < 0.3;
  await part.publish({ size: file.length, sha256: sha256(file), overwrite });
  told.completed = true;
}

async function fill(part: RangedPart, told: Told, random: () => number): Promise<void> {
  const file = VERSIONS[told.version] ?? NOTHING;
  const whole = { from: 0, to: file.length };
  const writers: readonly RangeWriter[] = [await part.openWriter(), await part.openWriter()];
  while (!part.written.covers(whole)) {
    const gaps = part.written.gaps(whole);
    const gap = gaps[Math.floor(random() * gaps.length)] ?? whole;
    const at = random() < 0.7 ? gap.from : gap.from + Math.floor(random() * (gap.to - gap.from));
    const writes = writers.map((writer, index) => {
      // The two may overlap, as they do when the last block is fetched twice.
      const from = Math.min(at + index * 900, gap.to - 1);
      const to = Math.min(from + 1 + Math.floor(random() * 1500), gap.to);
      return writer.write(file.subarray(from, to), from);
    });
    const syncing = random() < 0.3 ? part.sync() : undefined;
    // Writing goes on beside a sync.
    for (const { status, reason } of await Promise.allSettled([...writes, syncing]).then(rejections)) {
      if (status === "rejected") throw reason;
    }
    if (syncing !== undefined) told.durable = [...part.durable];
  }
  for (const writer of writers) writer.close();
}

const rejections = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.filter((result) => result.status === "rejected");

/** Every byte called durable has to be the server's. */
async function checkContent(disk: VolatileDisk, part: RangedPart): Promise<void> {
  const version = VERSIONS.findIndex((_, index) => etagOf(index) === part.version?.validators.etag);
  const content = await contentOf(disk, part.path);
  for (const { from, to } of part.durable) {
    assertEquals(content.slice(from, to), VERSIONS[version]?.slice(from, to));
  }
}

function isWhole(content: Uint8Array): boolean {
  return VERSIONS.some((file) => sha256(file) === sha256(content));
}

async function contentOf(disk: VolatileDisk, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array((await disk.stat(path))?.size ?? 0);
  await (await disk.open(path)).readAt(bytes, 0);
  return bytes;
}

Deno.test(`power lost at ${CUTS} random moments of a download takes nothing durable, mixes no versions, publishes nothing broken`, async () => {
  let completedBefore = 0;
  for (let seed = 1; seed <= CUTS; seed++) {
    const random = seededRandom(seed);
    const disk = new VolatileDisk(random);
    await disk.makeDirectory("/d");
    await disk.syncDirectory("/");
    const told: Told = { version: 0, durable: [], completed: false };
    try {
      for (let life = 0; life < 4 && !told.completed; life++) {
        if (life < 3) disk.losePowerAt(Math.floor(random() * 120));
        try {
          await download(disk, told, random);
        } catch (error) {
          if (!(error instanceof PowerLoss)) throw error;
        }
        if (life === 0 && told.completed) completedBefore++;
        disk.restart(random() < 0.2 ? "crash" : "power");
        // What is published is no concern of the server's any more.
        if (!told.completed && random() < 0.3) told.version = (told.version + 1) % VERSIONS.length;
      }
      assert(told.completed);
      for (const { name } of await disk.list("/d")) {
        assert(/^data( \(\d+\))?\.bin$/.test(name), name);
        const content = await contentOf(disk, `/d/${name}`);
        assert(isWhole(content), `${name} is broken`);
      }
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  // The cuts fall on both sides of the end.
  assert(completedBefore > CUTS / 20 && completedBefore < CUTS * 19 / 20, String(completedBefore));
});
