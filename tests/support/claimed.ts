import { join } from "@std/path";
import { z } from "zod";
import { decodeRecords } from "../../store/journal.ts";

const range = z.object({ type: z.literal("range"), from: z.number(), to: z.number() });

/**
 * Waits until a journal in a directory claims so many bytes, without looking at a clock.
 *
 * @returns What it claims then.
 * @throws `signal.reason`, when `signal` aborts first.
 */
export async function claimed(dir: string, bytes: number, signal?: AbortSignal): Promise<number> {
  return await seen({ dir, ending: ".part.journal", bytes, measure: claimedBytes }, signal);
}

/** Waits until a part in a directory is so long. @throws As {@linkcode claimed}. */
export async function partReached(dir: string, bytes: number, signal?: AbortSignal): Promise<number> {
  return await seen({ dir, ending: ".part", bytes, measure: (path) => Deno.statSync(path).size }, signal);
}

async function seen(
  { dir, ending, bytes, measure }: {
    readonly dir: string;
    readonly ending: string;
    readonly bytes: number;
    readonly measure: (path: string) => number;
  },
  signal: AbortSignal | undefined,
): Promise<number> {
  signal?.throwIfAborted();
  using watcher = Deno.watchFs(dir);
  const stop = () => void watcher.return?.();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for await (const _ of watcher) {
      for (const { name } of Deno.readDirSync(dir)) {
        if (!name.endsWith(ending)) continue;
        const found = measured(measure, join(dir, name));
        if (found >= bytes) return found;
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  signal?.throwIfAborted();
  throw new Error("The watcher ended");
}

/** 0 for what is gone by now. */
function measured(measure: (path: string) => number, path: string): number {
  try {
    return measure(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

function claimedBytes(path: string): number {
  const records = decodeRecords(Deno.readTextFileSync(path)).flatMap((record) =>
    range.safeParse(record).data ?? []
  );
  return records.reduce((sum, { from, to }) => sum + to - from, 0);
}
