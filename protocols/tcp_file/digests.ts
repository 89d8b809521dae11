/** What blocks and files are recognised by. */

import { createHash } from "node:crypto";

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
