import { createHash } from "node:crypto";
import { join } from "@std/path";

/** Bytes that repeat nowhere and are the same for the same seed (xorshift32, Marsaglia 2003). */
export function pseudoRandomBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let x = seed >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** All files below a directory, as relative paths, sorted; without hidden folders, which hold state. */
export async function filesBelow(root: string, folder = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory && entry.name.startsWith(".")) continue;
    if (entry.isDirectory) files.push(...await filesBelow(root, path));
    else files.push(path);
  }
  return files.sort();
}
