/** Many files at a time, each of a few system calls: without a promise for each call. */

import type { Move, WholeFile } from "./disk.ts";
import type { Pace } from "./pace.ts";

/** As `Disk.createWhole`. */
export async function createWhole(files: readonly WholeFile[], pace: Pace): Promise<void> {
  await pace.each(files, { atOnce: storeSync, inThread: store });
}

function storeSync({ path, bytes, mtimeMs }: WholeFile): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.utimeSync(new Date(), new Date(mtimeMs));
  // Not its data alone: the time belongs to what the file is recognised by.
  file.syncSync();
}

async function store({ path, bytes, mtimeMs }: WholeFile): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.utime(new Date(), new Date(mtimeMs));
  await file.sync();
}

/** As `Disk.moveToFree`. */
export async function moveToFree(moves: readonly Move[], pace: Pace): Promise<ReadonlySet<Move>> {
  const linked = new Set<Move>();
  await pace.each(moves, {
    atOnce(move) {
      try {
        Deno.linkSync(move.from, move.to);
      } catch {
        return; // Why is told to who tries it again alone.
      }
      linked.add(move);
    },
    async inThread(move) {
      const isLinked = await Deno.link(move.from, move.to).then(() => true, () => false);
      if (isLinked) linked.add(move);
    },
  });
  await pace.each([...linked], {
    atOnce: ({ from }) => Deno.removeSync(from),
    inThread: ({ from }) => Deno.remove(from),
  });
  return linked;
}
