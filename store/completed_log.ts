import { join } from "@std/path";
import { z } from "zod";
import { type Disk, replaceText } from "./disk.ts";
import { encodeRecord, Journal } from "./journal.ts";

/** For how long a completed upload is remembered, in milliseconds. */
const REMEMBER_MS = 86_400_000;
/** The most that are remembered, newest first: about 30 MB of memory. */
const REMEMBER_MOST = 100_000;

const completedRecord = z.object({
  fileId: z.string(),
  fileSize: z.int().nonnegative(),
  sha256: z.string(),
  /** Absolute path of the file. */
  path: z.string(),
  /** SHA-256 of the token that owned the upload. */
  tokenHash: z.string().optional(),
  /** When it was completed, in milliseconds since 1970. */
  atMs: z.number(),
});

/** An upload that was completed: enough to give its client the same answer once more. */
export type CompletedUpload = z.infer<typeof completedRecord>;

/**
 * The uploads completed within the last day, on disk, so that an answer lost with its connection, or
 * with the server, can be repeated.
 */
export class CompletedLog {
  readonly #uploads: Map<string, CompletedUpload>;
  readonly #journal: Journal;

  private constructor(uploads: Map<string, CompletedUpload>, journal: Journal) {
    this.#uploads = uploads;
    this.#journal = journal;
  }

  /** Opens the log in a directory that exists, and drops what is old. */
  static async open(disk: Disk, directory: string, nowMs: number): Promise<CompletedLog> {
    const path = join(directory, "completed.journal");
    const isThere = await disk.stat(path) !== undefined;
    const records = isThere ? (await Journal.open(disk, path)).records : [];
    const uploads = new Map<string, CompletedUpload>();
    for (const record of records) {
      const parsed = completedRecord.safeParse(record);
      if (!parsed.success) continue;
      const { fileId, atMs } = parsed.data;
      // Also by one that is old: so it was forgotten.
      uploads.delete(fileId);
      if (nowMs - atMs < REMEMBER_MS) uploads.set(fileId, parsed.data);
    }
    for (const fileId of [...uploads.keys()].slice(0, -REMEMBER_MOST)) uploads.delete(fileId);
    await replaceText(disk, path, [...uploads.values()].map(encodeRecord).join(""));
    return new CompletedLog(uploads, (await Journal.open(disk, path)).journal);
  }

  /** The completed upload of a key, if it is still remembered. */
  find(fileId: string, nowMs: number): CompletedUpload | undefined {
    const found = this.#uploads.get(fileId);
    return found !== undefined && nowMs - found.atMs < REMEMBER_MS ? found : undefined;
  }

  /** Remembers an upload, durably. */
  async add(upload: CompletedUpload): Promise<void> {
    await this.#journal.append(upload);
    this.#uploads.delete(upload.fileId);
    this.#uploads.set(upload.fileId, upload);
    for (const [fileId, { atMs }] of this.#uploads) {
      if (this.#uploads.size <= REMEMBER_MOST && upload.atMs - atMs < REMEMBER_MS) break;
      this.#uploads.delete(fileId);
    }
  }

  /** Forgets an upload, durably: its client starts over. */
  async forget(fileId: string): Promise<void> {
    const found = this.#uploads.get(fileId);
    if (found === undefined) return;
    // A record of long ago is dropped when the log is read.
    await this.#journal.append({ ...found, atMs: 0 });
    this.#uploads.delete(fileId);
  }
}
