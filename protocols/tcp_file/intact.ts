import { Buffer } from "node:buffer";
import { BLOCK_BYTES, blockCount, DIGEST_BYTES, digestOf, type FileVersion, rootOf } from "./blocks.ts";
import type { DataBlock } from "./messages.ts";
import type { Disk } from "../../store/disk.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";

/**
 * From so many bytes on a digest is left to another thread: that takes a copy of them, and leaves this one to
 * read and write meanwhile. On two cores 1 GiB is there in two thirds of the time.
 */
const LONG_BYTES = 64 * 1024;

/** SHA-256, of many bytes in another thread. They must not change before it is there. */
async function digestBeside(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (bytes.length < LONG_BYTES) return digestOf(bytes);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Whether bytes have the digest that they came with. */
export async function isIntact({ bytes, digest }: DataBlock): Promise<boolean> {
  return Buffer.compare(await digestBeside(bytes), digest) === 0;
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
          this.set(at, await digestBeside(block));
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
