import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { SourceFile } from "../../../protocols/ws_upload/source_file.ts";
import { Pace } from "../../../store/pace.ts";
import { pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { seededRandom } from "../../support/virtual_upload.ts";

const BYTES = pseudoRandomBytes(300_000);

/** Disks by how fast they are: of one, nothing takes any time, and of the other, everything takes 10 ms. */
const PACES = {
  quick: () => new Pace(() => 0),
  slow: () => {
    let nowMs = 0;
    return new Pace(() => nowMs += 10);
  },
};

for (const [disk, paceOf] of Object.entries(PACES)) {
  Deno.test(`${disk} disk: a file read in pieces is the file, and its digest`, async () => {
    await using dir = await tempDir();
    const path = join(dir.path, "file");
    await Deno.writeFile(path, BYTES);
    using source = await SourceFile.open(path, paceOf());
    for (let at = 0; at < BYTES.length;) {
      const room = new Uint8Array(Math.min(at < 100_000 ? 1000 : 7000, BYTES.length - at));
      assertEquals(await source.read(at, room), BYTES.slice(at, at + room.length), `at ${at}`);
      at += room.length;
    }
    assertEquals(await source.sha256(), sha256(BYTES));
  });

  Deno.test(`${disk} disk: it can be read anywhere, with digests between`, async () => {
    await using dir = await tempDir();
    const path = join(dir.path, "file");
    await Deno.writeFile(path, BYTES);
    using source = await SourceFile.open(path, paceOf());
    const random = seededRandom(1);
    for (let i = 0, end = 0; i < 300; i++) {
      const offset = random() < 0.5 ? end % 100_000 : Math.floor(random() * 100_000);
      const length = random() < 0.7 ? 20_000 : 1 + Math.floor(random() * 20_000);
      const expected = BYTES.slice(offset, offset + length);
      assertEquals(await source.read(offset, new Uint8Array(length)), expected, `${length} at ${offset}`);
      end = offset + length;
    }
    assertEquals(await source.digest(7000), sha256(BYTES.subarray(0, 7000)));
    assertEquals(await source.digest(20_000), sha256(BYTES.subarray(0, 20_000)));
    assertEquals(await source.read(250_000, new Uint8Array(9)), BYTES.slice(250_000, 250_009));
    assertEquals(await source.sha256(), sha256(BYTES));
  });

  Deno.test(`${disk} disk: a file that has become shorter is told of, wherever it is noticed`, async () => {
    await using dir = await tempDir();
    const path = join(dir.path, "file");
    await Deno.writeFile(path, BYTES);
    using source = await SourceFile.open(path, paceOf());
    for (let at = 0; at < 10_000; at += 1000) await source.read(at, new Uint8Array(1000));
    await Deno.truncate(path, 11_500);
    await assertRejects(
      async () => {
        for (let at = 10_000; at < 20_000; at += 1000) await source.read(at, new Uint8Array(1000));
      },
      RangeError,
      "changed while",
    );
    await assertRejects(() => source.sha256(), RangeError, "changed while");
  });
}
