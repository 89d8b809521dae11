/**
 * Kills `transfer fetch-ranges` with SIGKILL at random moments, runs the same command again, and compares:
 * `deno run -A bench/killed_download.ts [--kills 100] [--size 32M]`. The tests do a short form.
 */

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { randomFillSync } from "node:crypto";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { filesBelow, sha256 } from "../tests/support/bytes.ts";
import { finished, startServer, startTransfer, transfer } from "../tests/support/program.ts";

/** A run that is not killed would take about so long: kills hit all of it, its start and its end too. */
const RUN_MS = 2_500;

const args = parseArgs(Deno.args, { string: ["size", "kills"] });
const size = byteSize(String(args.size ?? "32M"));
const kills = Number(args.kills ?? 100);
const root = await Deno.makeTempDir({ prefix: "transfer-bench-" });
let killed = 0;
let files = 0;
let exact = 0;
try {
  const bytes = randomFillSync(new Uint8Array(size));
  const expected = sha256(bytes);
  await using server = await startServer(join(root, "uploads"));
  await Deno.writeFile(join(root, "uploads", "data.bin"), bytes);
  const url = `http://127.0.0.1:${server.port}/files/data.bin`;
  const dir = join(root, "downloads");
  const command = ["fetch-ranges", url, "--out", `${dir}/`, "--json", "--quiet"];
  while (killed < kills) {
    const { code, stderr } = await killedRun(command);
    if (code === undefined) continue;
    if (code !== 0) throw new Error(stderr);
    files++;
    const names = await filesBelow(dir);
    // Killed between publishing and its exit, the next run fetches the file once more.
    const isDone = names.includes("data.bin") && names.every((name) => /^data( \(\d+\))?\.bin$/.test(name));
    const digests = await Promise.all(
      names.map(async (name) => sha256(await Deno.readFile(join(dir, name)))),
    );
    const isExact = isDone && digests.every((digest) => digest === expected);
    if (isExact) exact++;
    printResult(
      `file ${files}, ${killed} kills so far: ${isExact ? "byte-exact" : `DIFFERENT (${names.join(", ")})`}`,
    );
    await Deno.remove(dir, { recursive: true });
  }
} finally {
  await Deno.remove(root, { recursive: true });
}
printResult(`${killed} kills, ${exact} of ${files} files byte-exact`);
Deno.exit(exact === files ? 0 : 1);

/** @returns The end of a run that was quicker than the kill, else no code. */
async function killedRun(
  command: readonly string[],
): Promise<{ readonly code: number | undefined; readonly stderr: string }> {
  const isLast = killed >= kills - 1;
  const child = startTransfer([...command, "--max-rate", String(Math.floor(size * 1000 / RUN_MS))]);
  let wasKilled = false;
  const timer = setTimeout(() => {
    wasKilled = true;
    child.kill("SIGKILL");
  }, Math.random() * RUN_MS);
  const { code, stderr } = await finished(child);
  clearTimeout(timer);
  if (!wasKilled) return { code, stderr };
  killed++;
  return isLast ? await transfer(command) : { code: undefined, stderr };
}
