import { join } from "@std/path";

/** A file system of a few megabytes, mounted until it is disposed of. Needs root, as CI has. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
}

/** Mounts a {@linkcode SmallDisk} in memory, on a directory of its own or one that is there. */
export async function smallDisk(size: string, at?: string): Promise<SmallDisk> {
  const path = at ?? await Deno.makeTempDir({ prefix: "transfer-test-" });
  await run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "transfer-test", path]);
  const filler = join(path, "filler");
  return {
    path,
    async fill() {
      using file = await Deno.open(filler, { write: true, createNew: true });
      const block = new Uint8Array(4096);
      try {
        while (true) await file.write(block);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    },
    free: () => Deno.remove(filler),
    async [Symbol.asyncDispose]() {
      await run("umount", [path]);
      await Deno.remove(path);
    },
  };
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}
