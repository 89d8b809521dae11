import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { killedUpload } from "../support/killed_upload.ts";

const SIZE = 24 * 1024 * 1024;

for (const victim of ["client", "server"] as const) {
  Deno.test(`a ${victim} killed at random moments costs nothing that was stored`, async () => {
    const root = await Deno.makeTempDir({ prefix: "transfer-test-" });
    try {
      const bytes = pseudoRandomBytes(SIZE);
      const file = join(root, "data.bin");
      await Deno.writeFile(file, bytes);
      for (const share of [0.1 + Math.random() * 0.3, 0.5 + Math.random() * 0.4]) {
        const dir = join(root, `uploads-${share}`);
        const round = await killedUpload(file, { victim, killAt: Math.floor(share * SIZE), dir });
        assertEquals(round.sha256, sha256(bytes));
        assertEquals(round.path, join(dir, "data.bin"));
        assertEquals(sha256(await Deno.readFile(round.path)), sha256(bytes));
        assertEquals(await filesBelow(dir), ["data.bin"]);
        // The last run began where the first one was stopped, not at the start.
        if (victim === "client") assert(round.resumedAt >= round.killedAt, JSON.stringify(round));
      }
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}
