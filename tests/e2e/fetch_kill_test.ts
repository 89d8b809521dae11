import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { killedDownload } from "../support/killed_download.ts";
import { startServer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

const SIZE = 24 * 1024 * 1024;

Deno.test("a download killed at random moments keeps what its journal claims, and ends byte-exact", async () => {
  await using root = await tempDir();
  const bytes = pseudoRandomBytes(SIZE);
  await using server = await startServer(join(root.path, "uploads"));
  await Deno.writeFile(join(root.path, "uploads", "data.bin"), bytes);
  const dir = join(root.path, "downloads");
  await Deno.mkdir(dir);
  const shares = [0.1 + Math.random() * 0.3, 0.5 + Math.random() * 0.2];
  const outcome = await killedDownload({
    url: `http://127.0.0.1:${server.port}/files/data.bin`,
    bytes: SIZE,
    dir,
    killAt: shares.map((share) => Math.floor(share * SIZE)),
    maxRate: "6M",
  });
  assertEquals(outcome.sha256, sha256(bytes));
  assertEquals(sha256(await Deno.readFile(outcome.path)), sha256(bytes));
  assertEquals(await filesBelow(dir), ["data.bin"]);
  const claimed = outcome.claimedAt.at(-1) ?? 0;
  assert(outcome.transferredBytes <= SIZE - claimed, JSON.stringify(outcome));
});
