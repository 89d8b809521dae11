import { join } from "@std/path";

/** For the processes themselves, and for what the kernel holds between them. */
const BESIDES_BYTES = 256e6;
const BLOCK = new Uint8Array(1024 * 1024);
/** So much longer than the quickest pass may one take that found the memory there. */
const AS_QUICK = 1.25;
const MOST_PASSES = 8;

/**
 * The memory that is free, which a virtual machine gives back to its host. To get a gigabyte again takes up to 3 s, in
 * which nobody computes: whoever is the next to write would pay for it.
 */
export class FreeMemory {
  readonly #path: string;
  #quickestSPerByte = Infinity;

  /** @param dir On tmpfs; on a disk it does nothing worth having. */
  constructor(dir: string) {
    this.#path = join(dir, "touched");
  }

  /**
   * Writes to as much memory as a round of `bytes` will, until that is as quick as it ever was: what one pass got from
   * the host the next one finds there, unless the host was slow or took it back meanwhile.
   */
  async touch(bytes: number): Promise<void> {
    const size = bytes + BESIDES_BYTES;
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      const isFirstOfAll = this.#quickestSPerByte === Infinity;
      const secondsPerByte = await this.#write(size) / size;
      this.#quickestSPerByte = Math.min(this.#quickestSPerByte, secondsPerByte);
      if (!isFirstOfAll && secondsPerByte <= AS_QUICK * this.#quickestSPerByte) return;
    }
  }

  async #write(size: number): Promise<number> {
    const start = performance.now();
    try {
      using file = await Deno.create(this.#path);
      for (let written = 0; written < size; written += BLOCK.length) file.writeSync(BLOCK);
      return (performance.now() - start) / 1000;
    } finally {
      await Deno.remove(this.#path);
    }
  }
}
