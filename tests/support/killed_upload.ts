import { join } from "@std/path";
import { finished, startServer, startTransfer, transfer } from "./program.ts";

/** What a round of {@linkcode killedUpload} found. */
export interface KilledUpload {
  readonly victim: "client" | "server";
  /** Bytes that were on disk when it was killed. */
  readonly killedAt: number;
  /** Bytes that the upload went on from, as the last run of the client saw it. */
  readonly resumedAt: number;
  /** SHA-256 that the client printed. */
  readonly sha256: string;
  /** Where the file is. */
  readonly path: string;
}

/**
 * Uploads a file with real processes, kills one of them with SIGKILL when about `killAt` bytes are on
 * disk, runs the same command again, and tells what came of it.
 */
export async function killedUpload(
  file: string,
  round: { readonly victim: "client" | "server"; readonly killAt: number; readonly dir: string },
): Promise<KilledUpload> {
  const { victim, killAt, dir } = round;
  await Deno.mkdir(dir, { recursive: true });
  let server = await startServer(dir);
  try {
    const args = ["upload", file, "--ws", server.ws, "--json", "--chunk", "256K"];
    const client = startTransfer(args);
    const killedAt = await reached(dir, killAt);
    if (victim === "client") client.kill("SIGKILL");
    else {
      await server.end("SIGKILL");
      server = await startServer(dir, server.port);
    }
    const first = await finished(client);
    // A client whose server comes back goes on by itself; the same command again does no harm.
    const last = victim === "client" ? await transfer(args) : first;
    if (last.code !== 0) throw new Error(`upload: exit ${last.code}: ${last.stderr}`);
    const done = JSON.parse(last.stdout.split("\n")[0] ?? "");
    const { bytes, transferredBytes, sha256, path } = done;
    return { victim, killedAt, resumedAt: bytes - transferredBytes, sha256, path };
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

/** Waits until the parts in a directory have so many bytes, without looking at a clock. */
async function reached(dir: string, bytes: number): Promise<number> {
  using watcher = Deno.watchFs(dir);
  for await (const _ of watcher) {
    for (const { name } of Deno.readDirSync(dir)) {
      try {
        const { size } = Deno.statSync(join(dir, name));
        if (!name.endsWith(".journal") && size >= bytes) return size;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }
  throw new Error("The watcher ended");
}
