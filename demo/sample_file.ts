import { join } from "@std/path";
import { createHash, randomFillSync } from "node:crypto";

const PIECE_BYTES = 4 * 1024 * 1024;

/** A file of random bytes. */
export interface SampleFile {
  readonly dir: string;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Writes a {@linkcode SampleFile}. `bytes` is a multiple of 4 MiB. */
export async function sampleFile(dir: string, name: string, bytes: number): Promise<SampleFile> {
  const path = join(dir, name);
  const hash = createHash("sha256");
  using file = await Deno.open(path, { write: true, createNew: true });
  const piece = new Uint8Array(PIECE_BYTES);
  for (let at = 0; at < bytes; at += piece.length) {
    randomFillSync(piece);
    hash.update(piece);
    for (let rest = piece; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  }
  return { dir, name, path, bytes, sha256: hash.digest("hex") };
}

/** Whether a file has this digest. */
export async function hasDigest(path: string, sha256: string): Promise<boolean> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const piece of file.readable) hash.update(piece);
  return hash.digest("hex") === sha256;
}
