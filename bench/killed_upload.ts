/**
 * Kills server or client with SIGKILL at random moments of an upload, runs the same command again, and
 * compares: `deno run -A bench/killed_upload.ts [--rounds 20] [--size 256M]`. The tests do a short form.
 */

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { randomFillSync } from "node:crypto";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { filesBelow, sha256 } from "../tests/support/bytes.ts";
import { killedUpload } from "../tests/support/killed_upload.ts";

const args = parseArgs(Deno.args, { string: ["size", "rounds"] });
const size = byteSize(String(args.size ?? "256M"));
const rounds = Number(args.rounds ?? 20);
const root = await Deno.makeTempDir({ prefix: "transfer-bench-" });
let exact = 0;
try {
  const bytes = randomFillSync(new Uint8Array(size));
  const file = join(root, "data.bin");
  await Deno.writeFile(file, bytes);
  const expected = sha256(bytes);
  for (let i = 0; i < rounds; i++) {
    const victim = i % 2 === 0 ? "client" : "server";
    const dir = join(root, "uploads");
    const round = await killedUpload(file, { victim, killAt: Math.floor(Math.random() * size), dir });
    const stored = sha256(await Deno.readFile(round.path));
    const isExact = stored === expected && round.sha256 === expected && (await filesBelow(dir)).length === 1;
    if (isExact) exact++;
    printResult(
      `${i + 1}: ${victim} killed at ${round.killedAt} bytes, went on: ${
        isExact ? "byte-exact" : "DIFFERENT"
      }`,
    );
    await Deno.remove(dir, { recursive: true });
  }
} finally {
  await Deno.remove(root, { recursive: true });
}
printResult(`${exact} of ${rounds} byte-exact`);
Deno.exit(exact === rounds ? 0 : 1);
