import type { EndEvent } from "./upload_events.ts";

/** What has become of the files of one run so far. */
export class UploadTally {
  #files = 0;
  #bytes = 0;
  #sentBytes = 0;
  #stopped = 0;
  #interrupted = 0;
  readonly #failures: Extract<EndEvent, { event: "failed" }>[] = [];

  add(end: EndEvent): void {
    switch (end.event) {
      case "done":
        this.#files++;
        this.#bytes += end.bytes;
        this.#sentBytes += end.sentBytes;
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

  /** Whether an upload was broken off that can be continued. */
  get interrupted(): boolean {
    return this.#interrupted > 0;
  }

  /** Files that have ended, however they did. */
  get ended(): number {
    return this.#files + this.#stopped + this.#interrupted + this.#failures.length;
  }

  get failures(): readonly Extract<EndEvent, { event: "failed" }>[] {
    return this.#failures;
  }

  get counts(): { files: number; bytes: number; sentBytes: number; failed: number; stopped: number } {
    return {
      files: this.#files,
      bytes: this.#bytes,
      sentBytes: this.#sentBytes,
      failed: this.#failures.length,
      stopped: this.#stopped,
    };
  }
}
