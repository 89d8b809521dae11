import { createHash, type Hash } from "node:crypto";
import { z } from "zod";
import type { DiskFile } from "./disk.ts";

/** Bytes read at a time where a part is checked. */
const READ_BYTES = 1024 * 1024;

/**
 * Says that the first `length` bytes of a part are on disk, what they are, and under which start of the
 * machine this was written.
 */
export const durableRecord = z.object({
  type: z.literal("durable"),
  length: z.int().nonnegative(),
  sha256: z.string(),
  boot: z.string().optional(),
});
export type DurableRecord = z.infer<typeof durableRecord>;

/** Says under which start of the machine a part is written to from here on. */
const resumedRecord = z.object({ type: z.literal("resumed"), boot: z.string() });
export type ResumedRecord = z.infer<typeof resumedRecord>;

/** Claims in order of length: one that came after a longer one has replaced it. */
export function lastingClaims(claims: readonly DurableRecord[]): DurableRecord[] {
  const lasting: DurableRecord[] = [];
  for (const claim of claims) {
    while ((lasting.at(-1)?.length ?? -1) >= claim.length) lasting.pop();
    lasting.push(claim);
  }
  return lasting;
}

/** Reads a part up to its last claim. @returns The claims that hold, and the digest up to the last one. */
export async function confirmClaims(
  file: DiskFile,
  claims: readonly DurableRecord[],
): Promise<{ readonly hash: Hash; readonly confirmed: readonly DurableRecord[] }> {
  let hash = createHash("sha256");
  const confirmed: DurableRecord[] = [];
  for (const claim of claims) {
    const next = hash.copy();
    const range = { from: confirmed.at(-1)?.length ?? 0, to: claim.length };
    if (await hashRange(file, next, range) < claim.length) break;
    if (next.copy().digest("hex") !== claim.sha256) break;
    hash = next;
    confirmed.push(claim);
  }
  return { hash, confirmed };
}

/** Hashes the bytes [from, to) of a file, as far as there are any. @returns Where it ended. */
export async function hashRange(
  file: DiskFile,
  hash: Hash,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, to - from));
  let at = from;
  while (at < to) {
    const count = await file.readAt(buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    if (count === 0) break;
    hash.update(buffer.subarray(0, count));
    at += count;
  }
  return at;
}
