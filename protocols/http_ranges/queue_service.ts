import { DownloadQueue, type QueueAction } from "./queue.ts";
import type { Wish } from "./queue_rules.ts";
import type { DownloadRequest, Outcome, QueueItem } from "./queue_item.ts";
import { QueueRunner, type RunnerOptions } from "./queue_runner.ts";
import { QueueSaver } from "./queue_saver.ts";
import type { QueueChange, QueueStore } from "./queue_store.ts";
import { type DownloadView, viewItem } from "./queue_view.ts";

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

/** Options of {@linkcode QueueService}. */
export interface QueueServiceOptions extends RunnerOptions {
  readonly store: QueueStore;
  /** Most downloads under way at a time. */
  readonly maxActive: number;
  readonly onEvent: (event: DownloadEvent) => void;
  /** Items that are new or have changed, and ids of those that are no more. */
  readonly onChange: (changed: readonly DownloadView[], gone: readonly number[]) => void;
}

/** How often progress is told, in milliseconds. */
const PROGRESS_MS = 250;
/** Carries out what the queue decides: keeps it on disk, runs its downloads, and tells how they go. */
export class QueueService {
  readonly #options: QueueServiceOptions;
  readonly #queue: DownloadQueue;
  readonly #saver: QueueSaver;
  readonly #runner: QueueRunner;
  /** What was told last of each item under way. */
  readonly #told = new Map<number, string>();
  readonly #tidying: Promise<void>;
  #ticker: ReturnType<typeof setInterval> | undefined;

  /** Goes on with what an earlier process left. */
  constructor(options: QueueServiceOptions) {
    this.#options = options;
    const { store, maxActive, onEvent } = options;
    this.#saver = new QueueSaver(store, (reason) => onEvent({ type: "unsaved", reason }));
    this.#runner = new QueueRunner(options, {
      // What can't be stored is told by `unsaved`, here and below.
      onPublished: (item, file) => this.#settle(item, { kind: "done", ...file }).catch(() => {}),
      onEnded: (item, outcome) => this.#ended(item, outcome),
      onUndeleted: (reason) => onEvent({ type: "undeleted", reason }),
    });
    this.#queue = new DownloadQueue({ maxActive, items: store.load(), lastId: store.lastId });
    this.#obey(this.#queue.begin(Date.now())).catch(() => {});
    this.#tidying = this.#runner.tidy((key) => this.find(key)).catch((error: unknown) => {
      onEvent({ type: "undeleted", reason: error instanceof Error ? error.message : String(error) });
    });
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
    return viewItem(item, this.#runner.find(item.id));
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
    clearInterval(this.#ticker);
    await this.#runner.close();
    await this.#saver.settled();
    await this.#tidying;
    await this.#runner.discarded();
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
        return this.#start(action.item);
      case "stop":
        return this.#runner.stop(action.id);
      case "discard":
        return this.#runner.discard(action.item);
      case "save":
      case "forget":
    }
  }

  #start(item: QueueItem): void {
    if (!this.#runner.start(item)) return;
    this.#ticker ??= setInterval(() => this.#tick(), PROGRESS_MS);
    this.#options.onEvent({ type: "started", id: item.id, url: item.request.url });
  }

  #ended(item: QueueItem, outcome: Outcome): void {
    this.#note(item.id);
    this.#told.delete(item.id);
    this.#settle(item, outcome).catch(() => {});
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
    const changed: DownloadView[] = [];
    for (const id of this.#runner.ids) {
      this.#note(id);
      const item = this.#queue.get(id);
      if (item === undefined) continue;
      const view = this.view(item);
      const { received, threads, bytesPerSecond, note } = view;
      const told = JSON.stringify([received, threads, bytesPerSecond, note]);
      if (this.#told.get(id) !== told) changed.push(view);
      this.#told.set(id, told);
    }
    if (changed.length > 0) return this.#options.onChange(changed, []);
    if (this.#queue.active.length > 0) return;
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  /** Tells the queue how far a download is. */
  #note(id: number): void {
    const download = this.#runner.find(id);
    if (download === undefined) return;
    const { name, size, received } = download;
    // Before that it may be the name of a page that the URL leads to for now.
    const isIdentified = size !== undefined || received > 0;
    this.#queue.progressed(id, { name: isIdentified ? name : undefined, size, received });
  }
}
