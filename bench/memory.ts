import { join } from "@std/path";

/** For the processes themselves, and for what the kernel holds between them. */
const BESIDES_BYTES = 256e6;
const BLOCK = new Uint8Array(1024 * 1024);

/**
 * Writes to memory as much as a round will, so that the machine has it. A virtual machine gives memory that is free
 * for a few seconds back to its host, and to get a gigabyte again takes up to 3 s, in which nobody computes: whoever
 * is the next to write would pay for it.
 *
 * @param dir On tmpfs; on a disk it does nothing worth having.
 */
export async function touchMemory(dir: string, bytes: number): Promise<void> {
  const path = join(dir, "touched");
  try {
    using file = await Deno.create(path);
    for (let written = 0; written < bytes + BESIDES_BYTES; written += BLOCK.length) await file.write(BLOCK);
  } finally {
    await Deno.remove(path);
  }
}
