import { join } from "@std/path";
import { z } from "zod";
import { decodeRecords } from "../../store/journal.ts";
import { finished, startTransfer, transfer } from "./program.ts";

/** Options of {@linkcode killedDownload}. */
export interface KilledDownloadOptions {
  readonly url: string;
  readonly bytes: number;
  readonly dir: string;
  /** After how many bytes claimed by its journal the program is killed; one run for each. */
  readonly killAt: readonly number[];
  /** Bytes a second, so that it is still at work then. */
  readonly maxRate: string;
}

/** How it went on after the last kill. */
export interface KilledDownload {
  /** What the journal claimed when the program was killed, for each of them. */
  readonly claimedAt: readonly number[];
  readonly path: string;
  readonly bytes: number;
  /** Bytes that the last run fetched. */
  readonly transferredBytes: number;
  readonly sha256: string;
}

const done = z.object({
  event: z.literal("done"),
  path: z.string(),
  bytes: z.number(),
  transferredBytes: z.number(),
  sha256: z.string(),
});
const range = z.object({ type: z.literal("range"), from: z.number(), to: z.number() });

/** Downloads a file with `transfer`, killed again and again, and then to its end. */
export async function killedDownload(options: KilledDownloadOptions): Promise<KilledDownload> {
  const { url, dir, killAt, maxRate } = options;
  const args = ["fetch-ranges", url, "--out", `${dir}/`, "--json"];
  const claimedAt: number[] = [];
  for (const bytes of killAt) {
    const child = startTransfer([...args, "--max-rate", maxRate]);
    claimedAt.push(await claimed(dir, bytes));
    child.kill("SIGKILL");
    await finished(child);
  }
  const last = await transfer(args);
  if (last.code !== 0) throw new Error(`fetch-ranges: exit ${last.code}: ${last.stderr}`);
  return { claimedAt, ...done.parse(JSON.parse(last.stdout.split("\n")[0] ?? "")) };
}

/** Waits until a journal in a directory claims so many bytes, without looking at a clock. */
export async function claimed(dir: string, bytes: number): Promise<number> {
  using watcher = Deno.watchFs(dir);
  for await (const _ of watcher) {
    for (const { name } of Deno.readDirSync(dir)) {
      if (!name.endsWith(".part.journal")) continue;
      const claims = claimedBytes(join(dir, name));
      if (claims >= bytes) return claims;
    }
  }
  throw new Error("The watcher ended");
}

function claimedBytes(path: string): number {
  try {
    const records = decodeRecords(Deno.readTextFileSync(path)).flatMap((record) =>
      range.safeParse(record).data ?? []
    );
    return records.reduce((sum, { from, to }) => sum + to - from, 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
