import type { UrlVerdict } from "./command_session.ts";
import { DownloadQueue, type QueueAction } from "./queue.ts";
import type { Wish } from "./queue_rules.ts";
import type { DownloadRequest, Outcome, QueueItem } from "./queue_item.ts";
import { QueueSaver } from "./queue_saver.ts";
import type { QueueChange, QueueStore } from "./queue_store.ts";
import { type DownloadView, viewItem } from "./queue_view.ts";
import type { RunningDownload } from "./running_download.ts";

/** Looks whether a URL leads to a file. Never rejects. */
export type CheckUrl = (key: string, signal: AbortSignal) => Promise<UrlVerdict>;

/** What happened to a download, for logs. */
export type DownloadEvent =
  | {
    readonly type: "queued" | "started" | "stopped" | "cancelled";
    readonly id: number;
    readonly url: string;
  }
  | {
    readonly type: "done";
    readonly id: number;
    readonly url: string;
    readonly path: string;
    readonly bytes: number;
  }
  | { readonly type: "failed"; readonly id: number; readonly url: string; readonly reason: string }
  /** The queue could not be written to disk, or a part not be deleted. */
  | { readonly type: "unsaved" | "undeleted"; readonly reason: string };

/** A file that has got its final name. */
export type PublishedFile = Omit<Extract<Outcome, { kind: "done" }>, "kind">;

/** Options of {@linkcode QueueService}. */
export interface QueueServiceOptions {
  readonly store: QueueStore;
  /** Most downloads under way at a time. */
  readonly maxActive: number;
  /**
   * Begins a download, or goes on with what an earlier one of it left. What it rejects with is told.
   * `onPublished` is to be awaited when the file has its final name, before what tells so after a crash is
   * removed: else the next process would fetch it once more.
   */
  readonly fetch: (
    item: QueueItem,
    onPublished: (file: PublishedFile) => Promise<void>,
  ) => Promise<RunningDownload>;
  readonly check: CheckUrl;
  /** Deletes what a download that is not under way has left. */
  readonly discard: (item: QueueItem) => Promise<void>;
  readonly onEvent: (event: DownloadEvent) => void;
  /** Items that are new or have changed, and ids of those that are no more. */
  readonly onChange: (changed: readonly DownloadView[], gone: readonly number[]) => void;
}

/** How often progress is told, in milliseconds. */
const PROGRESS_MS = 250;
/** How long {@linkcode QueueService.close} waits for downloads to stop, in milliseconds. */
const STOP_MS = 8_000;

/** A download under way. */
interface Running {
  readonly abort: AbortController;
  /** `undefined` while its URL is looked at. */
  download: RunningDownload | undefined;
  readonly ended: Promise<void>;
  /** How far it was when that was told last. */
  toldReceived: number;
}

/** Carries out what the queue decides: keeps it on disk, runs its downloads, and tells how they go. */
export class QueueService {
  readonly #options: QueueServiceOptions;
  readonly #queue: DownloadQueue;
  readonly #saver: QueueSaver;
  readonly #running = new Map<number, Running>();
  /** What is left of cancelled downloads is being deleted, by the URLs of these. */
  readonly #discarding = new Map<string, Promise<void>>();
  #ticker: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  /** Goes on with what an earlier process left. */
  constructor(options: QueueServiceOptions) {
    this.#options = options;
    const { store, maxActive, onEvent } = options;
    this.#saver = new QueueSaver(store, (reason) => onEvent({ type: "unsaved", reason }));
    this.#queue = new DownloadQueue({ maxActive, items: store.load(), lastId: store.lastId });
    this.#obey(this.#queue.begin(Date.now())).catch(() => {}); // Told by `unsaved`.
  }

  /** The newest item of a URL in its normal form. */
  find(key: string): QueueItem | undefined {
    return this.#queue.find(key);
  }

  get(id: number): QueueItem | undefined {
    return this.#queue.get(id);
  }

  get active(): readonly QueueItem[] {
    return this.#queue.active;
  }

  get waiting(): readonly QueueItem[] {
    return this.#queue.waiting;
  }

  /** The newest first. */
  get over(): readonly QueueItem[] {
    return this.#queue.over;
  }

  /** In the order in which they were added. */
  get paused(): readonly QueueItem[] {
    return [...this.#queue.items].filter(({ state }) => state.kind === "paused");
  }

  /** How many more may be added. */
  get room(): number {
    return this.#queue.room;
  }

  view(item: QueueItem): DownloadView {
    return viewItem(item, this.#running.get(item.id)?.download);
  }

  /**
   * Adds requests, durably.
   *
   * @returns For each its item, which may have been there before; `undefined` where there was no room.
   * @throws {Error} They could not be stored. Asking for the same again does no harm.
   */
  async add(requests: readonly DownloadRequest[]): Promise<readonly (QueueItem | undefined)[]> {
    const { items, actions } = this.#queue.add(requests, Date.now());
    const fresh = new Set(actions.flatMap((action) => action.type === "save" ? action.item.id : []));
    for (const item of new Set(items)) {
      if (item === undefined || !fresh.has(item.id)) continue;
      this.#options.onEvent({ type: "queued", id: item.id, url: item.request.url });
    }
    await this.#obey(actions);
    return items.map((item) => item && (this.#queue.get(item.id) ?? item));
  }

  /**
   * Does what a person asks, durably.
   *
   * @returns Whether the item's state allows it.
   * @throws {Error} It could not be stored.
   */
  async wish(id: number, wish: Wish): Promise<boolean> {
    const actions = this.#queue.wish(id, wish, Date.now());
    if (actions === undefined) return false;
    await this.#obey(actions);
    return true;
  }

  /**
   * Does the same with all items whose state allows it, durably.
   *
   * @returns How many these were.
   * @throws {Error} It could not be stored.
   */
  async wishOfAll(wish: Wish): Promise<number> {
    const actions = this.#queue.wishOfAll(wish, Date.now());
    await this.#obey(actions);
    return new Set(actions.flatMap((action) => "item" in action ? action.item.id : action.id)).size;
  }

  /** Where the file of an item that is done is; `undefined`: it is not done, or the file is no longer there. */
  async fileOf({ state, headway }: QueueItem): Promise<string | undefined> {
    if (state.kind !== "done") return undefined;
    try {
      const { isFile, size } = await Deno.lstat(state.path);
      return isFile && size === headway.size ? state.path : undefined;
    } catch {
      return undefined;
    }
  }

  /** Stops all downloads, each keeping what it has; they go on when the queue is opened again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    for (const id of this.#running.keys()) this.#stop(id);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, STOP_MS));
    await Promise.race([Promise.all([...this.#running.values()].map(({ ended }) => ended)), patience]);
    clearTimeout(timer);
    await this.#saver.settled();
    await Promise.all(this.#discarding.values());
  }

  /** Saves first, then does what follows. */
  async #obey(actions: readonly QueueAction[]): Promise<void> {
    const changes = actions.filter((action) => action.type === "save" || action.type === "forget");
    try {
      await this.#saver.save(changes);
    } finally {
      // Also when the disk is full: what is asked for is fetched, and stored when there is room again.
      this.#tell(changes);
      for (const action of actions) this.#carryOut(action);
    }
  }

  #tell(changes: readonly QueueChange[]): void {
    const ids = new Set(changes.map((change) => change.type === "save" ? change.item.id : change.id));
    const changed = [...ids].flatMap((id) => this.#queue.get(id) ?? []).map((item) => this.view(item));
    const gone = [...ids].filter((id) => this.#queue.get(id) === undefined);
    if (changed.length > 0 || gone.length > 0) this.#options.onChange(changed, gone);
  }

  #carryOut(action: QueueAction): void {
    switch (action.type) {
      case "start":
        return this.#isClosed ? undefined : this.#start(action.item);
      case "stop":
        return this.#stop(action.id);
      case "discard":
        return this.#discard(action.item);
      case "save":
      case "forget":
    }
  }

  #discard(item: QueueItem): void {
    const { key } = item.request;
    const discarding = Promise.resolve(this.#discarding.get(key))
      .then(() => this.#options.discard(item))
      .catch((error: unknown) => this.#options.onEvent({ type: "undeleted", reason: reasonOf(error) }))
      .then(() => {
        if (this.#discarding.get(key) === discarding) this.#discarding.delete(key);
      });
    this.#discarding.set(key, discarding);
  }

  #start(item: QueueItem): void {
    const abort = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const running: Running = { abort, download: undefined, ended: promise, toldReceived: -1 };
    this.#running.set(item.id, running);
    this.#ticker ??= setInterval(() => this.#tick(), PROGRESS_MS);
    const { id, request: { url } } = item;
    this.#options.onEvent({ type: "started", id, url });
    void this.#run(item, running).catch((error: unknown): Outcome => ({
      kind: "failed",
      reason: reasonOf(error),
    })).then((outcome) => {
      // What goes wrong when the server stops goes well the next time.
      const isCutOff = this.#isClosed && outcome.kind === "failed";
      this.#ended(item, isCutOff ? { kind: "stopped" } : outcome);
      resolve();
    });
  }

  async #run({ id, request }: QueueItem, running: Running): Promise<Outcome> {
    const { signal } = running.abort;
    if (!request.isChecked) {
      const verdict = await this.#options.check(request.key, signal);
      if (verdict.kind === "unreachable") return { kind: "failed", reason: verdict.reason };
      if (verdict.kind === "page") return { kind: "failed", reason: "It is a web page, not a file" };
    }
    await this.#discarding.get(request.key);
    const item = this.#queue.get(id);
    if (signal.aborted || item === undefined) return { kind: "stopped" };
    const download = await this.#options.fetch(item, async (file) => {
      await this.#settle(item, { kind: "done", ...file }).catch(() => {}); // Told by `unsaved`.
    });
    running.download = download;
    if (signal.aborted) download.cancel(false);
    await download.ended;
    return outcomeOf(download);
  }

  #stop(id: number): void {
    const running = this.#running.get(id);
    running?.abort.abort();
    running?.download?.cancel(false);
  }

  #ended(item: QueueItem, outcome: Outcome): void {
    const { id } = item;
    this.#note(id);
    this.#running.delete(id);
    if (this.#running.size === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    }
    this.#settle(item, outcome).catch(() => {}); // Told by `unsaved`.
  }

  /** Notes, durably, how a download has ended; not twice. */
  async #settle({ id, request: { url } }: QueueItem, outcome: Outcome): Promise<void> {
    if (this.#queue.get(id)?.state.kind !== "active") return;
    const actions = this.#queue.ended(id, outcome, Date.now());
    this.#report(id, url, outcome);
    await this.#obey(actions);
  }

  #report(id: number, url: string, outcome: Outcome): void {
    const { onEvent } = this.#options;
    const state = this.#queue.get(id)?.state.kind;
    if (outcome.kind === "done") {
      onEvent({ type: "done", id, url, path: outcome.path, bytes: outcome.bytes });
    } else if (state === "cancelled") onEvent({ type: "cancelled", id, url });
    else if (outcome.kind === "failed" && state === "failed") {
      onEvent({ type: "failed", id, url, reason: outcome.reason });
    } else onEvent({ type: "stopped", id, url });
  }

  #tick(): void {
    const moved = [...this.#running].filter(([id, running]) => {
      const received = running.download?.received ?? -1;
      const isNew = received !== running.toldReceived || running.download?.note !== undefined;
      running.toldReceived = received;
      this.#note(id);
      return isNew;
    });
    const changed = moved.flatMap(([id]) => this.#queue.get(id) ?? []).map((item) => this.view(item));
    if (changed.length > 0) this.#options.onChange(changed, []);
  }

  /** Tells the queue how far a download is. */
  #note(id: number): void {
    const download = this.#running.get(id)?.download;
    if (download === undefined) return;
    const { name, size, received } = download;
    this.#queue.progressed(id, { name, size, received });
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
