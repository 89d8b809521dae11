import type { UrlVerdict } from "./command_session.ts";
import type { Outcome, QueueItem } from "./queue_item.ts";
import { shortReason } from "./queue_rules.ts";
import type { PublishedDownload, RunningDownload } from "./running_download.ts";

/** Looks whether a URL leads to a file. Never rejects. */
export type CheckUrl = (key: string, signal: AbortSignal) => Promise<UrlVerdict>;

/** How downloads are carried out. */
export interface RunnerOptions {
  /**
   * Begins a download, or goes on with what an earlier one of it left. What it rejects with is told.
   * `onPublished` is to be awaited when the file has its final name, before what tells so after a crash is
   * removed: else the next process would fetch it once more.
   */
  readonly fetch: (
    item: QueueItem,
    onPublished: (file: PublishedDownload) => Promise<void>,
  ) => Promise<RunningDownload>;
  readonly check: CheckUrl;
  /** Deletes what a download that is not under way has left. */
  readonly discard: (item: QueueItem) => Promise<void>;
  /** URLs, in their normal form, of which something is left in the directory. */
  readonly leftovers: () => Promise<Iterable<string>>;
  /** Removes what tells that a file was published, which is known by now. */
  readonly tidy: (item: QueueItem) => Promise<void>;
}

/** What is told of the downloads of a {@linkcode QueueRunner}. */
export interface RunnerHooks {
  /** Settles when that is noted. {@linkcode RunnerHooks.onEnded} follows. */
  readonly onPublished: (item: QueueItem, file: PublishedDownload) => Promise<void>;
  readonly onEnded: (item: QueueItem, outcome: Outcome) => void;
  /** What a download has left could not be deleted. */
  readonly onUndeleted: (reason: string) => void;
}

/** How long {@linkcode QueueRunner.close} waits for downloads to stop, in milliseconds. */
const STOP_MS = 8_000;

/** A download under way. */
interface Running {
  readonly key: string;
  readonly abort: AbortController;
  /** `undefined` while its URL is looked at. */
  download: RunningDownload | undefined;
  readonly ended: Promise<void>;
}

/** Runs the downloads that a queue starts. */
export class QueueRunner {
  readonly #options: RunnerOptions;
  readonly #hooks: RunnerHooks;
  readonly #running = new Map<number, Running>();
  /** What downloads have left is being deleted, by their URLs. */
  readonly #cleaning = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(options: RunnerOptions, hooks: RunnerHooks) {
    this.#options = options;
    this.#hooks = hooks;
  }

  /** Ids of the items that are under way. */
  get ids(): Iterable<number> {
    return this.#running.keys();
  }

  /** The download of an item; `undefined` before its URL was looked at, and when it is not under way. */
  find(id: number): RunningDownload | undefined {
    return this.#running.get(id)?.download;
  }

  /** Starts a download. @returns Whether it did: once closed it starts nothing. */
  start(item: QueueItem): boolean {
    if (this.#isClosed) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { key } = item.request;
    const running: Running = { key, abort: new AbortController(), download: undefined, ended: promise };
    this.#running.set(item.id, running);
    void this.#run(item, running).catch((error: unknown): Outcome => {
      return { kind: "failed", reason: reasonOf(error) };
    }).then((ended) => {
      const outcome = ended.kind === "failed" ? { ...ended, reason: shortReason(ended.reason) } : ended;
      // What goes wrong when the server stops goes well the next time.
      const isCutOff = this.#isClosed && outcome.kind === "failed";
      this.#hooks.onEnded(item, isCutOff ? { kind: "stopped" } : outcome);
      this.#running.delete(item.id);
      resolve();
    });
    return true;
  }

  /** Has a download stop and keep what it has. */
  stop(id: number): void {
    const running = this.#running.get(id);
    running?.abort.abort();
    running?.download?.cancel(false);
  }

  /** Deletes what a download has left; none of the same URL begins before. */
  discard(item: QueueItem): void {
    this.#cleanUp(item, this.#options.discard);
  }

  /**
   * Removes what downloads that are done have left, because their process died then.
   *
   * @param find The newest item of a URL.
   */
  async tidy(find: (key: string) => QueueItem | undefined): Promise<void> {
    for (const key of await this.#options.leftovers()) {
      const item = find(key);
      if (item?.state.kind === "done") this.#cleanUp(item, this.#options.tidy);
    }
  }

  /** Stops all downloads, each keeping what it has, and starts no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const id of this.#running.keys()) this.stop(id);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, STOP_MS));
    await Promise.race([Promise.all([...this.#running.values()].map(({ ended }) => ended)), patience]);
    clearTimeout(timer);
  }

  /** Settles when nothing is being deleted. */
  async discarded(): Promise<void> {
    await Promise.all(this.#cleaning.values());
  }

  #cleanUp(item: QueueItem, task: (item: QueueItem) => Promise<void>): void {
    const { key } = item.request;
    const cleaning = Promise.resolve(this.#cleaning.get(key))
      .then(() => task(item))
      .catch((error: unknown) => this.#hooks.onUndeleted(reasonOf(error)))
      .then(() => {
        if (this.#cleaning.get(key) === cleaning) this.#cleaning.delete(key);
      });
    this.#cleaning.set(key, cleaning);
  }

  async #run(item: QueueItem, running: Running): Promise<Outcome> {
    const { check, fetch } = this.#options;
    const { signal } = running.abort;
    const { key, isChecked } = item.request;
    if (!isChecked) {
      const verdict = await check(key, signal);
      if (verdict.kind === "unreachable") return { kind: "failed", reason: verdict.reason };
      if (verdict.kind === "page") return { kind: "failed", reason: "It is a web page, not a file" };
    }
    // One that is known to be done has its part still, while it tidies up.
    const before = [...this.#running.values()].filter((other) => other !== running && other.key === key);
    for (const { ended } of before) await ended;
    await this.#cleaning.get(key);
    if (signal.aborted) return { kind: "stopped" };
    const download = await fetch(item, (file) => this.#hooks.onPublished(item, file));
    running.download = download;
    if (signal.aborted) download.cancel(false);
    await download.ended;
    return outcomeOf(download);
  }
}

function outcomeOf({ state }: RunningDownload): Outcome {
  if (state.kind === "failed") return { kind: "failed", reason: state.reason };
  if (state.kind !== "done") return { kind: "stopped" };
  const { path, bytes, sha256 } = state;
  return { kind: "done", path, bytes, sha256 };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
