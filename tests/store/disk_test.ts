import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Disk, readText, realDisk, replaceText } from "../../store/disk.ts";
import { VolatileDisk } from "../support/volatile_disk.ts";

/** One suite for both: what the tests' disk promises, the machine's keeps. */
const DISKS:
  readonly (readonly [string, () => Promise<{ disk: Disk; root: string; end: () => Promise<void> }>])[] = [
    ["the machine's", async () => {
      const root = await Deno.makeTempDir({ prefix: "transfer-test-" });
      return { disk: realDisk(), root, end: () => Deno.remove(root, { recursive: true }) };
    }],
    ["the tests'", async () => {
      const disk = new VolatileDisk(() => 0.5);
      await disk.makeDirectory("/root");
      return { disk, root: "/root", end: () => Promise.resolve() };
    }],
  ];

for (const [name, make] of DISKS) {
  Deno.test(`${name} disk keeps the contract`, async () => {
    const { disk, root, end } = await make();
    try {
      const path = `${root}/a`;
      const file = await disk.create(path);
      await file.writeAt(new TextEncoder().encode("hello world"), 0);
      await file.writeAt(new TextEncoder().encode("W"), 6);
      const buffer = new Uint8Array(20);
      assertEquals(await file.readAt(buffer, 6), 5);
      assertEquals(new TextDecoder().decode(buffer.subarray(0, 5)), "World");
      assertEquals(await file.readAt(buffer, 11), 0);
      await file.truncate(5);
      await file.sync();
      file.close();
      assertEquals(await readText(disk, path), "hello");
      await assertRejects(() => disk.create(path), Deno.errors.AlreadyExists);
      await assertRejects(() => disk.open(`${root}/none`), Deno.errors.NotFound);
      await assertRejects(() => disk.remove(`${root}/none`), Deno.errors.NotFound);
      assertEquals(await disk.stat(`${root}/none`), undefined);

      await disk.link(path, `${root}/b`);
      assertEquals((await disk.stat(`${root}/b`))?.id, (await disk.stat(path))?.id);
      await assertRejects(() => disk.link(path, `${root}/b`), Deno.errors.AlreadyExists);
      await disk.setModified(path, 1_700_000_000_000);
      assertEquals((await disk.stat(`${root}/b`))?.mtimeMs, 1_700_000_000_000);
      await disk.remove(path);
      assertEquals(await readText(disk, `${root}/b`), "hello");

      await disk.makeDirectory(`${root}/d`);
      await assertRejects(() => disk.makeDirectory(`${root}/d`), Deno.errors.AlreadyExists);
      await replaceText(disk, `${root}/b`, "other");
      assertEquals(await readText(disk, `${root}/b`), "other");
      const entries = [...await disk.list(root)].sort((one, two) => one.name < two.name ? -1 : 1);
      assertEquals(entries, [{ name: "b", kind: "file" }, { name: "d", kind: "directory" }]);
      assertEquals((await disk.stat(`${root}/d`))?.kind, "directory");
      await (await disk.create(`${root}/d/x`)).close();
      await assertRejects(() => disk.remove(`${root}/d`));
      const lock = await disk.lock(`${root}/b`);
      assert(lock !== undefined);
      assertEquals(await disk.lock(`${root}/b`), undefined);
      lock.close();
      const again = await disk.lock(`${root}/b`);
      assert(again !== undefined);
      again.close();
      await assertRejects(() => disk.lock(`${root}/none`), Deno.errors.NotFound);
      await disk.syncDirectory(root);
      assert(await disk.freeBytes(root) > 0);
    } finally {
      await end();
    }
  });

  Deno.test(`${name} disk creates whole files, and gives them names that are free`, async () => {
    const { disk, root, end } = await make();
    try {
      const whole = (name: string, text: string) => {
        return { path: `${root}/${name}`, bytes: new TextEncoder().encode(text), mtimeMs: 1_700_000_000_123 };
      };
      await disk.createWhole([whole("whole", "all of it"), whole("empty", "")]);
      assertEquals(await readText(disk, `${root}/whole`), "all of it");
      assertEquals((await disk.stat(`${root}/whole`))?.mtimeMs, 1_700_000_000_123);
      assertEquals((await disk.stat(`${root}/empty`))?.size, 0);
      await assertRejects(() => disk.createWhole([whole("whole", "x")]), Deno.errors.AlreadyExists);
      assertEquals(await readText(disk, `${root}/whole`), "all of it");

      const moves = [["whole", "moved"], ["empty", "b"]].map(([from, to]) => {
        return { from: `${root}/${from}`, to: `${root}/${to}` };
      });
      await disk.createWhole([whole("b", "hello")]);
      assertEquals([...await disk.moveToFree(moves)], moves.slice(0, 1));
      assertEquals(await disk.stat(`${root}/whole`), undefined);
      assertEquals(await readText(disk, `${root}/moved`), "all of it");
      assertEquals(await readText(disk, `${root}/b`), "hello");
      assertEquals((await disk.stat(`${root}/empty`))?.size, 0);
    } finally {
      await end();
    }
  });
}
