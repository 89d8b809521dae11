import { z } from "zod";
import { claimed } from "./claimed.ts";
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
