import type { FailedEvent, FileEndEvent, SummaryEvent } from "./event_schemas.ts";

/** What has become of the files of one run so far. */
export class TransferTally {
  #files = 0;
  #bytes = 0;
  #transferredBytes = 0;
  #there = 0;
  #thereBytes = 0;
  #stopped = 0;
  #interrupted = 0;
  readonly #failures: FailedEvent[] = [];

  add(end: FileEndEvent): void {
    switch (end.event) {
      case "done":
        this.#files++;
        this.#bytes += end.bytes;
        this.#transferredBytes += end.transferredBytes;
        return;
      case "there":
        this.#there++;
        this.#thereBytes += end.bytes;
        return;
      case "stopped":
        this.#stopped++;
        return;
      case "interrupted":
        this.#interrupted++;
        return;
      case "failed":
        this.#failures.push(end);
    }
  }

  /** Files that have ended, however they did. */
  get ended(): number {
    return this.#files + this.#there + this.#stopped + this.#interrupted + this.#failures.length;
  }

  /** Bytes of files that are where they should be, whenever they came. */
  get wholeBytes(): number {
    return this.#bytes + this.#thereBytes;
  }

  /** Whether a file was broken off that can be continued. */
  get interrupted(): boolean {
    return this.#interrupted > 0;
  }

  get failures(): readonly FailedEvent[] {
    return this.#failures;
  }

  /** Whether something arrived that is not what was sent. */
  get isCorrupt(): boolean {
    return this.#failures.some(({ corrupt }) => corrupt === true);
  }

  /** @param run How long it took, and whether it was ended before all files had their turn. */
  summary({ seconds, interrupted }: Pick<SummaryEvent, "seconds" | "interrupted">): SummaryEvent {
    return {
      event: "summary",
      files: this.#files,
      bytes: this.#bytes,
      transferredBytes: this.#transferredBytes,
      seconds,
      there: this.#there,
      failed: this.#failures.length,
      stopped: this.#stopped,
      interrupted,
    };
  }
}
