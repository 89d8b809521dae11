import { type Disk, type DiskFile, realDisk } from "../../store/disk.ts";

/** The machine's file system, which a test can hold up and let fail. */
export interface ObstructedDisk {
  readonly disk: Disk;
  /** Lets no write to a file of this name, or no sync, go on. Settles when one waits. */
  hold(name: string, what?: "write" | "sync"): Promise<void>;
  /** Lets all go on. */
  release(): void;
  /**
   * Lets the next sync of a file of this name fail with EIO, and what was not synced read as zeros from
   * then on, as when the kernel has dropped the pages.
   */
  failSync(name: string): void;
  /** Bytes of a file of this name that a sync has confirmed. */
  synced(name: string): number;
}

/** Makes an {@linkcode ObstructedDisk}. */
export function obstructedDisk(): ObstructedDisk {
  const real = realDisk();
  const syncedBytes = new Map<string, number>();
  let held: {
    readonly name: string;
    readonly what: "write" | "sync";
    readonly came: () => void;
    readonly gone: Promise<void>;
  } | undefined;
  let release = () => {};
  let failing: string | undefined;

  const waits = async (path: string, what: "write" | "sync") => {
    if (held?.what !== what || !path.endsWith(`/${held.name}`)) return;
    held.came();
    await held.gone;
  };
  const obstructed = (path: string, file: DiskFile): DiskFile => ({
    ...file,
    async writeAt(bytes, offset) {
      await waits(path, "write");
      await file.writeAt(bytes, offset);
    },
    async sync() {
      await waits(path, "sync");
      const { size = 0 } = await real.stat(path) ?? {};
      if (failing !== undefined && path.endsWith(`/${failing}`)) {
        failing = undefined;
        await dropPages(path, syncedBytes.get(path) ?? 0, size);
        throw Object.assign(new Error("Input/output error (os error 5)"), { code: "EIO" });
      }
      await file.sync();
      syncedBytes.set(path, size);
    },
  });

  return {
    disk: {
      ...real,
      create: async (path) => obstructed(path, await real.create(path)),
      open: async (path) => obstructed(path, await real.open(path)),
    },
    hold(name, what = "write") {
      const came = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<void>();
      held = { name, what, came: came.resolve, gone: gone.promise };
      release = gone.resolve;
      return came.promise;
    },
    release() {
      held = undefined;
      release();
    },
    failSync(name) {
      failing = name;
    },
    synced: (name) => [...syncedBytes].find(([path]) => path.endsWith(`/${name}`))?.[1] ?? 0,
  };
}

async function dropPages(path: string, from: number, to: number): Promise<void> {
  using file = await Deno.open(path, { write: true });
  await file.seek(from, Deno.SeekMode.Start);
  await file.write(new Uint8Array(to - from));
}
