import { crc32 } from "node:zlib";
import { z } from "zod";
import type { DiskFile } from "./disk.ts";

/** Says that the bytes [from, to) of a part are on disk, and what they are. */
export const rangeRecord = z.object({
  type: z.literal("range"),
  from: z.int().nonnegative(),
  to: z.int().positive(),
  crc32: z.int().nonnegative(),
});
export type RangeRecord = z.infer<typeof rangeRecord>;

/** Bytes read at a time where claims are checked. */
const READ_BYTES = 1024 * 1024;

/** Bytes of the last claims that are always read: as many as a second or two of a fast link brings. */
const CHECKED_BYTES = 256 * 1024 * 1024;

/** What one writer has written in sequence and nobody has claimed yet. */
export class Run {
  readonly from: number;
  #to: number;
  #crc32 = 0;

  constructor(from: number) {
    this.from = from;
    this.#to = from;
  }

  get to(): number {
    return this.#to;
  }

  add(bytes: Uint8Array): void {
    this.#crc32 = crc32(bytes, this.#crc32);
    this.#to += bytes.length;
  }

  record(): RangeRecord {
    return { type: "range", from: this.from, to: this.#to, crc32: this.#crc32 };
  }
}

/**
 * Finds out which claims of a part hold. The last ones are read, as they are what a crash could have hurt if
 * a disk does not keep its word; if one of them does not hold, all are.
 */
export async function confirmedClaims(
  file: DiskFile,
  claims: readonly RangeRecord[],
): Promise<readonly RangeRecord[]> {
  let bytes = 0;
  let first = claims.length;
  while (first > 0 && bytes < CHECKED_BYTES) {
    const { from = 0, to = 0 } = claims[--first] ?? {};
    bytes += to - from;
  }
  const recent = claims.slice(first);
  if ((await holding(file, recent)).length === recent.length) return claims;
  return await holding(file, claims);
}

async function holding(file: DiskFile, claims: readonly RangeRecord[]): Promise<readonly RangeRecord[]> {
  const held: RangeRecord[] = [];
  const buffer = new Uint8Array(READ_BYTES);
  for (const claim of claims) {
    const run = new Run(claim.from);
    while (run.to < claim.to) {
      const count = await file.readAt(buffer.subarray(0, Math.min(READ_BYTES, claim.to - run.to)), run.to);
      if (count === 0) break;
      run.add(buffer.subarray(0, count));
    }
    if (run.to === claim.to && run.record().crc32 === claim.crc32) held.push(claim);
  }
  return held;
}
