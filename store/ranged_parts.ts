/** The parts of downloads in a directory: finding the one of a URL, and making a new one. */

import { dirname, join } from "@std/path";
import { rangeRecord } from "./claims.ts";
import { syncParents } from "./directory.ts";
import { type Disk, removeIfThere } from "./disk.ts";
import { decodeRecords, Journal } from "./journal.ts";
import { type Published, publishedBefore, publishingRecord, removePart } from "./publishing.ts";
import { RangedPart } from "./ranged_part.ts";
import { type DownloadRecord, downloadRecord, versionRecord } from "./ranged_part_records.ts";
import { numberedName, safeRelativePath } from "./safe_name.ts";

const JOURNAL = ".part.journal";
/** What the first record of a download's journal begins with. */
const OPENING = '{"type":"download"';

/** Longest first record that is looked for: all else of a journal can be as long as its server makes it. */
const OPENING_MOST = 256 * 1024;

/** What an earlier process has left of a download. */
export type Left =
  | { readonly kind: "nothing" }
  /** To be continued; it is locked, recovered, and the caller's to close. */
  | { readonly kind: "part"; readonly part: RangedPart }
  /** All of it: the process died before it could say so. */
  | { readonly kind: "published"; readonly published: Published }
  /** Another process, or another download of this one, is at it. */
  | { readonly kind: "busy"; readonly path: string };

/** A directory that downloads are received in. */
export interface DownloadDirectory {
  readonly disk: Disk;
  /** Absolute. */
  readonly directory: string;
}

interface Leftovers extends DownloadDirectory {
  readonly onPublished: ((published: Published) => Promise<void>) | undefined;
}

/**
 * Looks for the part of a URL, and tidies up after processes that died before they had received anything.
 *
 * @param options `name`: only a part that is to get this name, if given. `onPublished` is waited for before
 * the journal of what was published is removed, as in `RangedPart.publish`.
 */
export async function findRangedPart(
  { disk, directory }: DownloadDirectory,
  { url, name, onPublished }: {
    readonly url: string;
    readonly name?: string | undefined;
    readonly onPublished?: ((published: Published) => Promise<void>) | undefined;
  },
): Promise<Left> {
  let busy: Left | undefined;
  for (const entry of await disk.list(directory)) {
    if (entry.kind !== "file" || !entry.name.endsWith(JOURNAL)) continue;
    const path = join(directory, entry.name.slice(0, -".journal".length));
    const opened = await readOpening(disk, path);
    if (opened === "torn") await removeEmpty(disk, path);
    if (opened === "torn" || opened?.url !== url || (name !== undefined && opened.name !== name)) continue;
    const left = await take({ disk, directory, onPublished }, path);
    if (left.kind === "busy") busy = left;
    else if (left.kind !== "nothing") return left;
  }
  return busy ?? { kind: "nothing" };
}

/** URLs of which parts, or the journals of parts, are in a directory; none when it is not there. */
export async function urlsOfParts({ disk, directory }: DownloadDirectory): Promise<ReadonlySet<string>> {
  const urls = new Set<string>();
  if (await disk.stat(directory) === undefined) return urls;
  for (const { name, kind } of await disk.list(directory)) {
    if (kind !== "file" || !name.endsWith(JOURNAL)) continue;
    const opened = await readOpening(disk, join(directory, name.slice(0, -".journal".length)));
    if (opened !== undefined && opened !== "torn") urls.add(opened.url);
  }
  return urls;
}

/**
 * Makes an empty part, whose place nobody else has, and its journal, durably. It is locked, and the caller's
 * to close.
 *
 * @param name The final name asked for: one name, from `safeRelativePath`.
 */
export async function createRangedPart(
  { disk, directory }: DownloadDirectory,
  { url, name }: { readonly url: string; readonly name: string },
): Promise<RangedPart> {
  for (let number = 0;; number++) {
    const path = `${join(directory, numberedName(name, number))}.part`;
    if (await disk.stat(path) !== undefined) continue;
    const journal = await createJournal(disk, path, { type: "download", version: 1, url, name });
    const lock = journal === undefined ? undefined : await lockOf(disk, path);
    if (journal === undefined || lock === undefined) continue;
    try {
      // The journal's name first: a part alone would be nobody's.
      await disk.syncDirectory(directory);
      (await disk.create(path)).close();
      await disk.syncDirectory(directory);
      const part = { disk, directory, url, name, path, journal, lock, version: undefined, claims: [] };
      return new RangedPart(part);
    } catch (error) {
      // Of a part that somebody else has made meanwhile nothing is ours but the journal.
      await removeIfThere(disk, `${path}.journal`);
      lock.close();
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** What a journal is of; `"torn"` when whoever made it died over its first record. */
async function readOpening(disk: Disk, path: string): Promise<DownloadRecord | "torn" | undefined> {
  try {
    const text = await readStart(disk, `${path}.journal`);
    if (text.length < OPENING_MOST && isTorn(text)) return "torn";
    return downloadRecord.safeParse(decodeRecords(text.slice(0, text.indexOf("\n") + 1))[0]).data;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return undefined;
    }
    throw error;
  }
}

async function readStart(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path);
  try {
    const bytes = new Uint8Array(OPENING_MOST);
    let filled = 0;
    for (let count = 1; count > 0 && filled < OPENING_MOST; filled += count) {
      count = await file.readAt(bytes.subarray(filled), filled);
    }
    return new TextDecoder().decode(bytes.subarray(0, filled));
  } finally {
    file.close();
  }
}

/** Whether a journal is one of ours, and nothing but the beginning of its first record. */
function isTorn(text: string): boolean {
  const record = text.slice(9);
  const isRecord = /^[0-9a-f]{8} /.test(text) && (OPENING.startsWith(record) || record.startsWith(OPENING));
  return /^(\0*|[0-9a-f]{1,8})$/.test(text) || (isRecord && !text.includes("\n"));
}

/** Removes a journal without records, if nobody is about to write them and no part has any bytes. */
async function removeEmpty(disk: Disk, path: string): Promise<void> {
  const lock = await lockOf(disk, path);
  if (lock === undefined) return;
  try {
    const isEmpty = ((await disk.stat(path))?.size ?? 0) === 0;
    if (!isEmpty || await readOpening(disk, path) !== "torn") return;
    await removeIfThere(disk, `${path}.journal`);
    await disk.syncDirectory(dirname(path));
  } finally {
    lock.close();
  }
}

async function take({ disk, directory, onPublished }: Leftovers, path: string): Promise<Left> {
  const lock = await lockOf(disk, path);
  if (lock === undefined) return { kind: "busy", path };
  try {
    const left = await load({ disk, directory, onPublished, path, lock });
    if (left.kind !== "part") lock.close();
    return left;
  } catch (error) {
    lock.close();
    throw error;
  }
}

async function load(
  { disk, directory, onPublished, path, lock }: Leftovers & {
    readonly path: string;
    readonly lock: { close(): void };
  },
): Promise<Left> {
  const { journal, records } = await Journal.open(disk, `${path}.journal`);
  const opened = downloadRecord.safeParse(records[0]).data;
  if (opened === undefined || safeRelativePath(opened.name) !== opened.name) return { kind: "nothing" };
  const found = await disk.stat(path);
  const publishing = publishingRecord.safeParse(records.at(-1)).data;
  if (publishing !== undefined) {
    const published = await publishedBefore({ disk, root: directory, found, record: publishing });
    if (published !== undefined) {
      await onPublished?.(published);
      await removePart(disk, path);
      await disk.syncDirectory(directory);
      return { kind: "published", published };
    }
  }
  if (found?.kind !== "file") {
    await removePart(disk, path);
    return { kind: "nothing" };
  }
  // Whoever made it may have died before any of this was durable.
  await journal.sync();
  await syncParents(disk, directory, path);
  const start = records.findLastIndex((record) => versionRecord.safeParse(record).success);
  const version = versionRecord.safeParse(records[start]).data;
  const claims = start === -1
    ? []
    : records.slice(start).flatMap((record) => rangeRecord.safeParse(record).data ?? []);
  const { url, name } = opened;
  const part = new RangedPart({ disk, directory, url, name, path, journal, lock, version, claims });
  await part.recover();
  return { kind: "part", part };
}

/** @returns `undefined` when the place is taken. */
async function createJournal(disk: Disk, path: string, first: DownloadRecord): Promise<Journal | undefined> {
  try {
    return await Journal.create(disk, `${path}.journal`, first);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    await removeIfThere(disk, `${path}.journal`);
    throw error;
  }
}

/** The lock of a part is its journal's, which is there first and goes last. */
async function lockOf(disk: Disk, path: string): Promise<{ close(): void } | undefined> {
  try {
    return await disk.lock(`${path}.journal`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
