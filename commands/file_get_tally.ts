import type { RunningFile } from "../store/fetched_file.ts";
import type { FileEnd } from "../store/fetched_file.ts";

/** What has become of the files of a run so far, and which one is under way. */
export class FileTally {
  /** What was found to fetch. */
  files = 0;
  bytes = 0;
  #running: RunningFile | undefined;
  #done = 0;
  #doneBytes = 0;
  #fetchedBytes = 0;
  #there = 0;
  readonly #failures: Extract<FileEnd, { kind: "failed" }>[] = [];

  /** More was found to fetch. */
  expect({ files, bytes }: { readonly files: number; readonly bytes: number }): void {
    this.files += files;
    this.bytes += bytes;
  }

  begin(file: RunningFile): void {
    this.#running = file;
  }

  add(end: FileEnd): void {
    if (this.#running?.path === end.path) this.#running = undefined;
    if (end.kind === "failed") {
      this.#failures.push(end);
      return;
    }
    this.#doneBytes += end.size;
    if (end.kind === "there") this.#there++;
    else {
      this.#done++;
      this.#fetchedBytes += end.fetchedBytes;
    }
  }

  /** The file that is fetched at the moment. */
  get running(): RunningFile | undefined {
    return this.#running;
  }

  get ended(): number {
    return this.#done + this.#there + this.#failures.length;
  }

  /** Bytes of files that are on disk, the one under way included. */
  get onDisk(): number {
    return this.#doneBytes + (this.#running?.written.bytes ?? 0);
  }

  get failures(): readonly Extract<FileEnd, { kind: "failed" }>[] {
    return this.#failures;
  }

  get counts(): FileCounts {
    return {
      files: this.#done,
      there: this.#there,
      bytes: this.#doneBytes,
      fetchedBytes: this.#fetchedBytes,
      failed: this.#failures.length,
    };
  }
}

/** How many files, and bytes of theirs. */
export interface FileCounts {
  /** Files that were fetched. */
  readonly files: number;
  /** Files that were there already. */
  readonly there: number;
  /** Of both. */
  readonly bytes: number;
  /** Bytes that came in this run. */
  readonly fetchedBytes: number;
  readonly failed: number;
}
