/** Digests of blocks that were computed before, in bounded memory. A core without I/O. */

import { blockCount, DIGEST_BYTES } from "./blocks.ts";

/** Digests kept of one file. */
interface Kept {
  readonly digests: Uint8Array;
  /** For each block, whether its digest is known (1), and known to stay (2). */
  readonly known: Uint8Array;
}

/** What a file costs besides its digests, in bytes: its key and the maps. */
const FILE_COST_BYTES = 400;

/**
 * Remembers the digests of blocks by a key that changes whenever the file does. Files whose digests were used
 * last stay; one with more than fit is not remembered at all.
 */
export class BlockDigests {
  readonly #maxBytes: number;
  readonly #files = new Map<string, Kept>();
  #bytes = 0;

  /** @param maxBytes Memory for them; 1 MiB is enough for files of 31 GiB together. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Memory in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param sure Only one that stays right as long as the key stays. */
  get(key: string, block: number, { sure }: { readonly sure: boolean }): Uint8Array | undefined {
    const kept = this.#files.get(key);
    if (kept === undefined || (kept.known[block] ?? 0) < (sure ? 2 : 1)) return undefined;
    this.#touch(key, kept);
    return kept.digests.subarray(block * DIGEST_BYTES, (block + 1) * DIGEST_BYTES);
  }

  /** @param digest Copied. @param sure Whether the block can't change without the key. */
  set(
    key: string,
    block: number,
    { digest, size, sure }: { readonly digest: Uint8Array; readonly size: number; readonly sure: boolean },
  ): void {
    const kept = this.#files.get(key) ?? this.#make(blockCount(size));
    if (kept === undefined) return;
    kept.digests.set(digest, block * DIGEST_BYTES);
    kept.known[block] = sure ? 2 : 1;
    this.#touch(key, kept);
  }

  #make(blocks: number): Kept | undefined {
    const bytes = costOf(blocks);
    if (bytes > this.#maxBytes) return undefined;
    for (const [oldest, { known }] of this.#files) {
      if (this.#bytes + bytes <= this.#maxBytes) break;
      this.#files.delete(oldest);
      this.#bytes -= costOf(known.length);
    }
    this.#bytes += bytes;
    return { digests: new Uint8Array(blocks * DIGEST_BYTES), known: new Uint8Array(blocks) };
  }

  #touch(key: string, kept: Kept): void {
    this.#files.delete(key);
    this.#files.set(key, kept);
  }
}

function costOf(blocks: number): number {
  return FILE_COST_BYTES + blocks * (DIGEST_BYTES + 1);
}
