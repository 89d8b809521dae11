import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { prefixDigest } from "../../store/prefix_digest.ts";
import { pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { tempDir } from "../support/temp_dir.ts";

/** So much that a thread of its own hashes the beginning, in two portions. */
const SIZE = 20_000_001;

Deno.test("a digest follows a file while it grows, whatever is behind what was said to be complete", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "file.part");
  const bytes = pseudoRandomBytes(SIZE);
  using file = await Deno.open(path, { createNew: true, write: true });
  using digest = prefixDigest(path);
  // What is not complete yet is zeros.
  await file.truncate(SIZE);
  for (let at = 0; at < SIZE;) {
    at += await file.write(bytes.subarray(at, at + 900_000));
    digest.advance(at);
  }
  assertEquals(await digest.digest(SIZE), sha256(bytes));
});

Deno.test("a digest needs no advance, also of an empty file", async () => {
  await using dir = await tempDir();
  for (const length of [0, 1, 3_000_000, 9_000_000]) {
    const path = join(dir.path, `file-${length}`);
    const bytes = pseudoRandomBytes(length);
    await Deno.writeFile(path, bytes);
    using digest = prefixDigest(path);
    assertEquals(await digest.digest(length), sha256(bytes));
  }
});

Deno.test("a file that is shorter than was said, or gone, has no digest", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "short");
  await Deno.writeFile(path, new Uint8Array(10));
  using short = prefixDigest(path);
  await assertRejects(() => short.digest(11), Error, "ends at 10, expected were 11 bytes");
  using shortInWorker = prefixDigest(path);
  await assertRejects(
    () => shortInWorker.digest(9_000_000),
    Error,
    "ends at 10, expected were 9000000 bytes",
  );
  using gone = prefixDigest(join(dir.path, "gone"));
  await assertRejects(() => gone.digest(1), Error, "can't be read for its digest");
  // One that is given up says nothing.
  using unused = prefixDigest(join(dir.path, "gone"));
  unused.advance(9_000_000);
});
