/** The files that are moved, each made once, and what arrived compared with them. */

import { join } from "@std/path";
import { createHash } from "node:crypto";
import { byteSize } from "../commands/flag_values.ts";

const BLOCK_BYTES = 1024 * 1024;

/** A file to move. */
export interface Source {
  /** Without its directory. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Makes it, the first time. @returns SHA-256 in hexadecimal. */
  readonly make: () => Promise<string>;
}

/** Files in a directory, which is served as it is; those that are there already are taken. */
export class Sources {
  readonly dir: string;
  readonly #files = new Map<string, Source>();

  constructor(dir: string) {
    this.dir = dir;
  }

  /** @param size As in a flag: `64M`, `1G`; also the name of the file. */
  file(size: string): Source {
    const known = this.#files.get(size);
    if (known !== undefined) return known;
    const [path, bytes] = [join(this.dir, size), byteSize(size)];
    let digest: Promise<string> | undefined;
    const source = { name: size, path, bytes, make: () => digest ??= makeFile(path, bytes) };
    this.#files.set(size, source);
    return source;
  }

  /** A directory with so many files of 4 KiB. */
  tree(count: number): { readonly name: string; readonly make: () => Promise<void> } {
    const name = `${count}-files`;
    return { name, make: () => makeTree(join(this.dir, name), count) };
  }
}

/** @throws {Error} The file is not there, or not what was sent. */
export async function checkFile(path: string, { name, make }: Source): Promise<void> {
  const found = await digestOf(path).catch(() => undefined);
  if (found === undefined) throw new Error(`${name} did not arrive`);
  if (found !== await make()) throw new Error(`${name} differs from what was sent`);
}

/** @throws {Error} A directory, with all below it, is not what another is. */
export async function checkTree(path: string, original: string): Promise<void> {
  if (await treeDigest(path) !== await treeDigest(original)) {
    throw new Error(`${path} differs from ${original}`);
  }
}

/** Removes all in a directory, but hidden names: there programs keep what they know. */
export async function emptyDir(path: string): Promise<void> {
  for (const { name } of [...Deno.readDirSync(path)]) {
    if (!name.startsWith(".")) await Deno.remove(join(path, name), { recursive: true });
  }
}

async function makeFile(path: string, bytes: number): Promise<string> {
  const isThere = await Deno.stat(path).then(({ size }) => size === bytes, () => false);
  if (!isThere) {
    const block = new Uint8Array(BLOCK_BYTES);
    for (let at = 0; at < block.length; at += 65_536) crypto.getRandomValues(block.subarray(at, at + 65_536));
    using file = await Deno.create(path);
    for (let written = 0; written < bytes; written += block.length) {
      // So all blocks differ.
      new DataView(block.buffer).setFloat64(0, written);
      file.writeSync(block.subarray(0, Math.min(block.length, bytes - written)));
    }
  }
  return await digestOf(path);
}

async function makeTree(dir: string, count: number): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const bytes = new Uint8Array(4096);
  for (let index = 0; index < count; index++) {
    Deno.writeFileSync(join(dir, `${index}.bin`), crypto.getRandomValues(bytes));
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(BLOCK_BYTES);
  for (let n = file.readSync(buffer); n !== null; n = file.readSync(buffer)) {
    hash.update(buffer.subarray(0, n));
  }
  return hash.digest("hex");
}

async function treeDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).filter((name) => !name.startsWith("."))
    .sort();
  for (const name of names) hash.update(`${name}\n`).update(await Deno.readFile(join(path, name)));
  return hash.digest("hex");
}
