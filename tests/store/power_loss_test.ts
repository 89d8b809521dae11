import { assert, assertEquals } from "@std/assert";
import type { PartFile } from "../../store/part_file.ts";
import { UploadStore } from "../../store/upload_store.ts";
import { pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { seededRandom } from "../support/virtual_upload.ts";
import { PowerLoss, VolatileDisk } from "../support/volatile_disk.ts";

const FILE = pseudoRandomBytes(5000);
const DIGEST = sha256(FILE);
const UPLOAD = { fileId: "f", name: "sub/data.bin", fileSize: FILE.length, tokenHash: "t" };
const CUTS = 4000;
const LOST = "the power is gone";

/** What the outside was told before the power went. */
interface Told {
  started: boolean;
  /** Bytes acknowledged as durable. */
  durable: number;
  completed: boolean;
}

/** Receives the file as a server does, from wherever it stands, telling the client what is durable. */
async function receive(disk: VolatileDisk, told: Told, random: () => number): Promise<void> {
  const store = await UploadStore.open("/", { disk, nowMs: 0 });
  const unusable: string[] = [];
  const found = await store.load({
    nowMs: 0,
    onUnusable: (path, reason) => unusable.push(`${path}: ${reason}`),
  });
  if (unusable.some((each) => each.endsWith(LOST))) throw new PowerLoss(LOST);
  assertEquals(unusable, []);
  const remembered = store.completed.find("f", 0);
  assert(remembered !== undefined || !told.completed, "a completed upload was forgotten");
  if (remembered !== undefined) {
    assertEquals(remembered.sha256, DIGEST);
    assertEquals(await contentOf(disk, remembered.path), FILE);
    told.completed = true;
    return;
  }
  assert(found.length <= 1);
  const part: PartFile = found[0]?.part ?? await store.create(UPLOAD);
  if (part.needsRecovery) await part.recover();
  assert(part.length >= told.durable, `durable were ${told.durable} bytes, ${part.length} are there`);
  assertEquals(part.sha256(), sha256(FILE.subarray(0, part.length)));
  told.started = true;
  while (part.length < FILE.length) {
    const size = 1 + Math.floor(random() * 900);
    await part.append(FILE.subarray(part.length, part.length + size));
    if (random() < 0.3) {
      const [more] = [Math.min(100, FILE.length - part.length)];
      // Appending goes on beside a sync.
      const syncing = part.sync();
      syncing.catch(() => {});
      if (more > 0 && random() < 0.5) await part.append(FILE.subarray(part.length, part.length + more));
      await syncing;
      told.durable = part.durable;
    }
  }
  await store.publish({ ...UPLOAD, part }, { overwrite: random() < 0.3, sha256: DIGEST, nowMs: 0 });
  told.completed = true;
  await part.forget();
}

async function contentOf(disk: VolatileDisk, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array((await disk.stat(path))?.size ?? 0);
  await (await disk.open(path)).readAt(bytes, 0);
  return bytes;
}

Deno.test(`power lost at ${CUTS} random moments takes nothing that was called durable, and publishes nothing broken`, async () => {
  let completedBefore = 0;
  for (let seed = 1; seed <= CUTS; seed++) {
    const random = seededRandom(seed);
    const disk = new VolatileDisk(random);
    const told: Told = { started: false, durable: 0, completed: false };
    // Once in a while the power goes again while the first loss is being repaired.
    for (let loss = 0; loss < 3; loss++) {
      disk.losePowerAt(Math.floor(random() * 90));
      try {
        await receive(disk, told, random);
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw new Error(`seed ${seed}`, { cause: error });
      }
      if (loss === 0 && told.completed) completedBefore++;
      disk.restart(random() < 0.2 ? "crash" : "power");
    }
    try {
      await receive(disk, told, random);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    assert(told.completed);
    const published = (await disk.list("/sub")).map(({ name }) => name).sort();
    for (const name of published) {
      assert(/^data( \(\d+\))?\.bin$/.test(name), `seed ${seed}: ${name}`);
      assertEquals(await contentOf(disk, `/sub/${name}`), FILE);
    }
  }
  // The cuts fall on both sides of the end.
  assert(completedBefore > CUTS / 20 && completedBefore < CUTS * 19 / 20, String(completedBefore));
});

Deno.test("a crash of the program alone loses nothing that was written", async () => {
  const disk = new VolatileDisk(() => 0.5);
  const store = await UploadStore.open("/", { disk, nowMs: 0 });
  const part = await store.create(UPLOAD);
  await part.append(FILE.subarray(0, 3000));
  disk.restart("crash");
  const again = await UploadStore.open("/", { disk, nowMs: 0 });
  const [found] = await again.load({ nowMs: 0, onUnusable: (path) => assert(false, path) });
  await found?.part.recover();
  assertEquals(found?.part.length, 3000);
  assertEquals(found?.part.durable, 0);
});

Deno.test("a part whose durable bytes were changed goes back to the last claim that holds", async () => {
  const disk = new VolatileDisk(() => 0.5);
  const store = await UploadStore.open("/", { disk, nowMs: 0 });
  const part = await store.create(UPLOAD);
  for (const end of [1000, 2000, 3000]) {
    await part.append(FILE.subarray(end - 1000, end));
    await part.sync();
  }
  await (await disk.open(part.path)).writeAt(new Uint8Array(1), 2500);
  const again = await UploadStore.open("/", { disk, nowMs: 0 });
  const [found] = await again.load({ nowMs: 0, onUnusable: (path) => assert(false, path) });
  await found?.part.recover();
  assertEquals(found?.part.length, 2000);
  assertEquals(found?.part.sha256(), sha256(FILE.subarray(0, 2000)));
});

Deno.test("a full disk leaves a part as it was, and a journal without the record that failed", async () => {
  const disk = new VolatileDisk(() => 0.5);
  const store = await UploadStore.open("/", { disk, nowMs: 0 });
  const part = await store.create(UPLOAD);
  await part.append(FILE.subarray(0, 1000));
  disk.limit(10);
  for (const attempt of [() => part.append(FILE.subarray(1000, 2000)), () => part.sync()]) {
    const error: unknown = await attempt().then(() => undefined, (reason: unknown) => reason);
    assert(error instanceof Error && "code" in error && error.code === "ENOSPC");
  }
  assertEquals([part.length, part.durable], [1000, 0]);
  disk.limit(Infinity);
  if (part.needsRecovery) await part.recover();
  await part.append(FILE.subarray(1000));
  await part.sync();
  assertEquals(part.durable, FILE.length);
  assertEquals(part.sha256(), DIGEST);
});
