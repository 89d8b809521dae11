/** An upload of 1000 bytes, and directories that hold some of it. */

import { join } from "@std/path";
import { type Disk, realDisk } from "../../store/disk.ts";
import { encodeRecord } from "../../store/journal.ts";
import { type StoredUpload, UploadStore } from "../../store/upload_store.ts";
import { pseudoRandomBytes, sha256 } from "./bytes.ts";

export const FILE = pseudoRandomBytes(1000);
export const DIGEST = sha256(FILE);
export const UPLOAD = { fileId: "f", name: "data.bin", fileSize: FILE.length, tokenHash: undefined };
export const OPEN = { type: "open", version: 1, fileId: "f", name: "data.bin", fileSize: 1000 };

interface Loaded {
  readonly uploads: readonly StoredUpload[];
  /** Base names of what could not be continued, with the reasons. */
  readonly unusable: readonly string[];
  readonly store: UploadStore;
}

export async function load(root: string, disk: Disk = realDisk()): Promise<Loaded> {
  const store = await UploadStore.open(root, { disk, nowMs: 0 });
  const unusable: string[] = [];
  const uploads = await store.load({
    nowMs: 0,
    onUnusable: (path, reason) => void unusable.push(`${path.slice(root.length + 1)}: ${reason}`),
  });
  return { uploads, unusable, store };
}

/** What stands in a directory by name: text, bytes, or where a link points. */
export type Content = Uint8Array | string | { readonly linkTo: string };

export async function write(root: string, files: Readonly<Record<string, Content>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else if (content instanceof Uint8Array) await Deno.writeFile(path, content);
    else await Deno.symlink(content.linkTo, path);
  }
}

export const HALF = FILE.subarray(0, 500);
export const journal = (...records: readonly unknown[]) => records.map(encodeRecord).join("");
export const torn = (text: string) => text.slice(0, text.length / 2);

/** What stands in a directory, sorted, without what is hidden. */
export async function namesIn(root: string): Promise<string[]> {
  const names = [];
  for await (const { name } of Deno.readDir(root)) if (name !== ".transfer") names.push(name);
  return names.sort();
}
