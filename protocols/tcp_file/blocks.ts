/** The blocks that files are cut into by XFER/1: aligned, each with a digest of its own. */

import { createHash } from "node:crypto";

/** Bytes of a block; the last one of a file may be shorter. */
export const BLOCK_BYTES = 1024 * 1024;
/** Bytes of a SHA-256. */
export const DIGEST_BYTES = 32;

/** Where some bytes of a file are. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** How many blocks a file has; an empty one has none. */
export function blockCount(size: number): number {
  return Math.ceil(size / BLOCK_BYTES);
}

/**
 * What of each block a range covers, in order: the answer to GET has one DATA for each of them. The range is
 * clamped to the file. One that is empty then, as that of an empty file is, gives one empty piece, so that
 * every GET is answered.
 */
export function* piecesOf({ offset, length }: Piece, size: number): Generator<Piece> {
  const to = Math.min(offset + length, size);
  let at = Math.min(offset, size);
  do {
    const end = Math.max(at, Math.min(to, (Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES));
    yield { offset: at, length: end - at };
    at = end;
  } while (at < to);
}

/** SHA-256 of a block or of a part of one. */
export function digestOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/**
 * What a whole file is recognised by: SHA-256 over the digests of its blocks, in order; of an empty file,
 * over nothing.
 *
 * @returns 64 lower-case hexadecimal digits.
 */
export function rootOf(blockDigests: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const digest of blockDigests) hash.update(digest);
  return hash.digest("hex");
}
