/** The blocks that files are cut into by XFER/1: aligned, each with a digest of its own. */

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
