import { Buffer } from "node:buffer";
import type { FileVersion } from "../../store/file_version.ts";
import { BLOCK_BYTES, blockCount, DIGEST_BYTES } from "./blocks.ts";
import { digestOf, rootOf } from "./digests.ts";
import type { DataBlock } from "./messages.ts";
import type { Disk } from "../../store/disk.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";

/** Whether bytes have the digest that they came with. */
export function isIntact({ bytes, digest }: DataBlock): boolean {
  return Buffer.compare(digestOf(bytes), digest) === 0;
}

/** The digests of a file's blocks, as they come to be known: 32 bytes for each MiB. */
export class BlockDigests {
  readonly #digests: Uint8Array<ArrayBuffer>;

  constructor({ size }: FileVersion) {
    this.#digests = new Uint8Array(blockCount(size) * DIGEST_BYTES);
  }

  /** Notes the digest of the block at an offset. Copied. */
  set(offset: number, digest: Uint8Array): void {
    this.#digests.set(digest, offset / BLOCK_BYTES * DIGEST_BYTES);
  }

  /** Reads the blocks of some ranges, which are whole, from disk. */
  async readFrom(
    { disk, path, ranges, signal }: {
      readonly disk: Disk;
      readonly path: string;
      readonly ranges: Iterable<ByteRange>;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const file = await disk.open(path);
    const buffer = new Uint8Array(BLOCK_BYTES);
    try {
      for (const { from, to } of ranges) {
        for (let at = from; at < to; at += BLOCK_BYTES) {
          signal.throwIfAborted();
          const block = buffer.subarray(0, Math.min(BLOCK_BYTES, to - at));
          for (let filled = 0; filled < block.length;) {
            const count = await file.readAt(block.subarray(filled), at + filled);
            if (count === 0) {
              throw new RangeError(`${path} ends at ${at + filled}, expected were ${to} bytes`);
            }
            filled += count;
          }
          this.set(at, digestOf(block));
        }
      }
    } finally {
      file.close();
    }
  }

  /** The root of the file, once the digests of all of its blocks are there. */
  root(): string {
    return rootOf([this.#digests]);
  }
}
