import type { RunningFile } from "../store/fetched_file.ts";
import type { FileEndEvent } from "./event_schemas.ts";
import { TransferTally } from "./transfer_tally.ts";

/** What has become of the files of a run so far, and which one is under way. */
export class FileTally {
  readonly ends = new TransferTally();
  /** What was found to fetch. */
  files = 0;
  bytes = 0;
  #running: RunningFile | undefined;

  /** More was found to fetch. */
  expect({ files, bytes }: { readonly files: number; readonly bytes: number }): void {
    this.files += files;
    this.bytes += bytes;
  }

  begin(file: RunningFile): void {
    this.#running = file;
  }

  add(end: FileEndEvent): void {
    if (this.#running?.path === end.file) this.#running = undefined;
    this.ends.add(end);
  }

  /** The file that is fetched at the moment. */
  get running(): RunningFile | undefined {
    return this.#running;
  }

  /** Bytes of files that are on disk, the one under way included. */
  get onDisk(): number {
    return this.ends.wholeBytes + (this.#running?.written.bytes ?? 0);
  }
}
