import { assert, assertEquals, assertLess } from "@std/assert";
import { CompletedLog } from "../../store/completed_log.ts";
import { readText } from "../../store/disk.ts";
import { VolatileDisk } from "../support/volatile_disk.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 20_000 * DAY_MS;
const PATH = "/completed.journal";

const upload = (fileId: string, atMs: number) => ({
  fileId,
  fileSize: 3,
  sha256: "d",
  path: `/${fileId}`,
  atMs,
});
const logOn = (disk: VolatileDisk, nowMs: number) => CompletedLog.open(disk, "/", nowMs);

Deno.test("a completed upload is remembered for a day, over restarts too", async () => {
  const disk = new VolatileDisk(() => 0.5);
  const log = await logOn(disk, 1000);
  await log.add({ ...upload("f", 1000), tokenHash: "t" });
  for (const each of [log, await logOn(disk, 1000 + DAY_MS - 1)]) {
    assertEquals(each.find("f", 1000 + DAY_MS - 1), { ...upload("f", 1000), tokenHash: "t" });
    assertEquals(each.find("f", 1000 + DAY_MS), undefined);
    assertEquals(each.find("g", 1000), undefined);
  }
  assertEquals((await logOn(disk, 1000 + DAY_MS)).find("f", 1000), undefined);
});

Deno.test("what is older than a day goes from memory with the next one, and from disk at the next start", async () => {
  const disk = new VolatileDisk(() => 0.5);
  const log = await logOn(disk, 0);
  for (let n = 0; n < 100; n++) await log.add(upload(`old-${n}`, n));
  await log.add(upload("new", 2 * DAY_MS));
  assertEquals(log.find("old-99", 0), undefined);
  const before = (await disk.stat(PATH))?.size ?? 0;
  const again = await logOn(disk, 2 * DAY_MS);
  assertLess(((await disk.stat(PATH))?.size ?? 0) * 50, before);
  assertEquals(again.find("new", 2 * DAY_MS), upload("new", 2 * DAY_MS));
});

Deno.test("the last one of a key counts", async () => {
  const disk = new VolatileDisk(() => 0.5);
  const log = await logOn(disk, 0);
  await log.add(upload("f", 1));
  await log.add({ ...upload("f", 2), path: "/other" });
  for (const each of [log, await logOn(disk, 3)]) assertEquals(each.find("f", 3)?.path, "/other");
});

Deno.test("what is forgotten stays forgotten, over a loss of power too", async () => {
  const disk = new VolatileDisk(() => 0.99);
  const log = await logOn(disk, NOW_MS);
  await log.add(upload("f", NOW_MS));
  await log.add(upload("g", NOW_MS));
  await log.forget("f");
  await log.forget("never there");
  assertEquals(log.find("f", NOW_MS), undefined);
  disk.restart("power");
  const again = await logOn(disk, NOW_MS);
  assertEquals(again.find("f", NOW_MS), undefined);
  assertEquals(again.find("g", NOW_MS)?.path, "/g");
  await again.add(upload("f", NOW_MS));
  assertEquals((await logOn(disk, NOW_MS)).find("f", NOW_MS)?.path, "/f");
});

Deno.test("a torn tail costs its record alone, and what is added next is kept", async () => {
  const disk = new VolatileDisk(() => 0.5);
  const log = await logOn(disk, 0);
  for (const fileId of ["a", "b"]) await log.add(upload(fileId, 0));
  const { length } = await readText(disk, PATH);
  await (await disk.open(PATH)).truncate(length - 5);
  const again = await logOn(disk, 0);
  assertEquals([again.find("a", 0)?.path, again.find("b", 0)], ["/a", undefined]);
  await again.add(upload("c", 0));
  const last = await logOn(disk, 0);
  assertEquals([last.find("a", 0)?.path, last.find("c", 0)?.path], ["/a", "/c"]);
});

Deno.test("a log that is none of ours is taken for an empty one", async () => {
  const disk = new VolatileDisk(() => 0.5);
  const file = await disk.create(PATH);
  await file.writeAt(new TextEncoder().encode("what is this?\n"), 0);
  const log = await logOn(disk, 0);
  await log.add(upload("f", 0));
  assert((await logOn(disk, 0)).find("f", 0) !== undefined);
});
