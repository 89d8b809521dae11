import type { Wish } from "../protocols/ws_upload/sender.ts";
import type { Upload } from "../protocols/ws_upload/upload_file.ts";
import type { Progress } from "../terminal/progress.ts";

/** A file that is being sent. */
export interface RunningUpload {
  readonly upload: Upload;
  /** Bytes of the file. */
  readonly bytes: number;
  /** Bytes sent by this run. */
  readonly sentBytes: number;
  progress(nowMs: number): Progress;
}

/** The uploads of one run of the program that are under way, and what the person wants of all of them. */
export class RunningUploads {
  readonly #running = new Set<RunningUpload>();
  #ended = { bytes: 0, sentBytes: 0 };
  /** Settles when the pause is over; there is none without it. */
  #pause: PromiseWithResolvers<void> | undefined;
  #isQuitting = false;

  /** Takes part in wishes from now until it is disposed of; those that last concern it at once. */
  add(running: RunningUpload): Disposable {
    this.#running.add(running);
    if (this.#isQuitting) running.upload.wish("quit");
    else if (this.#pause !== undefined) running.upload.wish("pause");
    return {
      [Symbol.dispose]: () => {
        this.#running.delete(running);
        this.#ended.bytes += running.bytes;
        this.#ended.sentBytes += running.sentBytes;
      },
    };
  }

  /** Asks something of all that run. A pause also holds those that would come next, and quitting ends them. */
  wish(wish: Wish): void {
    if (wish === "quit") this.#isQuitting = true;
    if (wish === "pause") this.#pause ??= Promise.withResolvers();
    else {
      this.#pause?.resolve();
      this.#pause = undefined;
    }
    for (const { upload } of this.#running) upload.wish(wish);
  }

  /** Waits until a further upload may start, and tells whether it may at all. */
  async mayStart(): Promise<boolean> {
    while (this.#pause !== undefined) await this.#pause.promise;
    return !this.#isQuitting;
  }

  get isPaused(): boolean {
    return this.#pause !== undefined;
  }

  get isQuitting(): boolean {
    return this.#isQuitting;
  }

  /** Those under way, in the order in which they began. */
  get all(): readonly RunningUpload[] {
    return [...this.#running];
  }

  /** Bytes dealt with: those of files that ended, however they did, and those acknowledged of the others. */
  get doneBytes(): number {
    return this.all.reduce((sum, { upload }) => sum + upload.acknowledged, this.#ended.bytes);
  }

  /** Bytes sent by this run. */
  get sentBytes(): number {
    return this.all.reduce((sum, { sentBytes }) => sum + sentBytes, this.#ended.sentBytes);
  }
}
