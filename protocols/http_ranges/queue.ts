import { type DownloadRequest, type Headway, isOver, type Outcome, type QueueItem } from "./queue_item.ts";
import {
  afterEnd,
  cancelled,
  isGranted,
  isSame,
  mayShareParts,
  NO_HEADWAY,
  type Wish,
} from "./queue_rules.ts";
import { WaitingLine } from "./waiting_line.ts";

/** What the shell has to do. `save` and `forget` come before what follows from them. */
export type QueueAction =
  /** The item is new or has changed. */
  | { readonly type: "save"; readonly item: QueueItem }
  /** The item is no more. */
  | { readonly type: "forget"; readonly id: number }
  /** Begin, or go on with what an earlier download of it left. */
  | { readonly type: "start"; readonly item: QueueItem }
  /** Stop, keep what is there, and tell when it has stopped. */
  | { readonly type: "stop"; readonly id: number }
  /** Delete what a download that is not under way has left. */
  | { readonly type: "discard"; readonly item: QueueItem };

/** Options of {@linkcode DownloadQueue}. */
export interface DownloadQueueOptions {
  /** Most downloads under way at a time. */
  readonly maxActive: number;
  /** Most items that are not over. Default: 10 000. */
  readonly maxUnfinished?: number;
  /** Most items that are over; the oldest are forgotten. Default: 10 000. */
  readonly maxFinished?: number;
  /** What an earlier process left. What was under way then is the first to go on. */
  readonly items?: Iterable<QueueItem>;
  /** The largest id that an earlier process has given out. */
  readonly lastId?: number;
}

const MOST_ITEMS = 10_000;
/**
 * What is to be fetched, in which order, and what has been. A core without I/O: it is told what happened
 * and when (milliseconds since 1970), and answers with what to do.
 */
export class DownloadQueue {
  readonly #maxActive: number;
  readonly #maxUnfinished: number;
  readonly #maxFinished: number;
  readonly #items = new Map<number, QueueItem>();
  /** Ids by what is asked for, of the newest item that asks for it. */
  readonly #byKey = new Map<string, number>();
  /** Ids of what is not over, by what is asked for. */
  readonly #unfinished = new Map<string, Set<number>>();
  readonly #waiting = new WaitingLine();
  /** Ids of what is over, oldest first. */
  readonly #over = new Set<number>();
  readonly #active = new Set<number>();
  #lastId = 0;
  #lastPlace = 0;

  constructor(options: DownloadQueueOptions) {
    this.#maxActive = options.maxActive;
    this.#maxUnfinished = options.maxUnfinished ?? MOST_ITEMS;
    this.#maxFinished = options.maxFinished ?? MOST_ITEMS;
    this.#lastId = options.lastId ?? 0;
    const items = [...options.items ?? []].toSorted((a, b) => overAtMs(a) - overAtMs(b) || a.id - b.id);
    for (const item of items) this.#put(item);
  }

  /** All items, in the order in which they were added. */
  get items(): Iterable<QueueItem> {
    return this.#items.values();
  }

  get(id: number): QueueItem | undefined {
    return this.#items.get(id);
  }

  /** The newest item of a URL in its normal form. */
  find(key: string): QueueItem | undefined {
    return this.#items.get(this.#byKey.get(key) ?? NaN);
  }

  /** Items under way. */
  get active(): readonly QueueItem[] {
    return [...this.#active].flatMap((id) => this.#items.get(id) ?? []);
  }

  /** Items that wait for their turn, the next one first. */
  get waiting(): readonly QueueItem[] {
    return this.#waiting.items;
  }

  /** Items that are over, the newest first. */
  get over(): readonly QueueItem[] {
    return [...this.#over].reverse().flatMap((id) => this.#items.get(id) ?? []);
  }

  /** How many more items may be added. */
  get room(): number {
    return this.#maxUnfinished - (this.#items.size - this.#over.size);
  }

  /**
   * Adds what somebody asks for. What is in the queue already, or being fetched, is not added twice.
   *
   * @returns For each request its item; `undefined` where the queue had no room.
   */
  add(
    requests: readonly DownloadRequest[],
    nowMs: number,
  ): { readonly items: readonly (QueueItem | undefined)[]; readonly actions: readonly QueueAction[] } {
    const actions: QueueAction[] = [];
    const items = requests.map((request) => {
      const same = this.find(request.key);
      if (same !== undefined && !isOver(same.state) && isSame(same.request, request)) return same;
      if (this.room <= 0) return undefined;
      const item: QueueItem = {
        id: ++this.#lastId,
        place: ++this.#lastPlace,
        request,
        addedAtMs: nowMs,
        state: { kind: "queued" },
        headway: NO_HEADWAY,
      };
      actions.push(this.#save(item));
      return item;
    });
    return { items, actions: [...actions, ...this.#startNext()] };
  }

  /**
   * Does what a person asks.
   *
   * @returns `undefined`: the item's state does not allow it, or it is not there.
   */
  wish(id: number, wish: Wish, nowMs: number): readonly QueueAction[] | undefined {
    const item = this.#items.get(id);
    if (item === undefined || !isGranted(item, wish)) return undefined;
    return [...this.#grant(item, wish, nowMs), ...this.#startNext()];
  }

  /** Does the same with all items whose state allows it. */
  wishOfAll(wish: Wish, nowMs: number): readonly QueueAction[] {
    const granted = [...this.#items.values()].filter((item) => isGranted(item, wish))
      .sort((a, b) => a.place - b.place);
    return [...granted.flatMap((item) => this.#grant(item, wish, nowMs)), ...this.#startNext()];
  }

  /** A download is under way, and so far. */
  progressed(id: number, headway: Headway): void {
    const item = this.#items.get(id);
    if (item?.state.kind !== "active") return;
    // One that goes on has not found yet what there is of it when it begins.
    this.#items.set(id, { ...item, headway: { ...headway, name: headway.name ?? item.headway.name } });
  }

  /** A download is no longer under way. */
  ended(id: number, outcome: Outcome, nowMs: number): readonly QueueAction[] {
    const item = this.#items.get(id);
    if (item?.state.kind !== "active") return [];
    return [...this.#settle(item, outcome, nowMs), ...this.#prune(), ...this.#startNext()];
  }

  /** Goes on with what an earlier process left under way. To be called once, after the queue was made. */
  begin(nowMs: number): readonly QueueAction[] {
    const settled = this.active.flatMap((item) => this.#settle(item, { kind: "stopped" }, nowMs));
    return [...settled, ...this.#prune(), ...this.#startNext()];
  }

  #settle(item: QueueItem, outcome: Outcome, atMs: number): QueueAction[] {
    const then = item.state.kind === "active" ? item.state.then : undefined;
    const next = afterEnd(item, outcome, { then, atMs });
    const saved = this.#save(next);
    return next.state.kind === "cancelled" || then === "anew" ? [saved, ...this.#discard(item)] : [saved];
  }

  #grant(item: QueueItem, wish: Wish, nowMs: number): readonly QueueAction[] {
    const { id, state } = item;
    switch (wish) {
      case "pause":
        if (state.kind === "active") return this.#stop(item, "paused");
        return [this.#save({ ...item, state: { kind: "paused" } })];
      case "resume":
        // It has not stopped yet: then it goes on as soon as it has.
        if (state.kind === "active") return this.#stop(item, "queued");
        return [this.#save({ ...item, state: { kind: "queued" } })];
      case "retry":
        if (state.kind === "active") return this.#stop(item, "anew");
        return [
          this.#save({
            ...item,
            place: ++this.#lastPlace,
            state: { kind: "queued" },
            headway: state.kind === "cancelled" ? NO_HEADWAY : item.headway,
          }),
        ];
      case "cancel": {
        if (state.kind === "active") return this.#stop(item, "cancelled");
        const saved = this.#save(cancelled(item, nowMs));
        return [saved, ...this.#discard(item), ...this.#prune()];
      }
      case "forget":
        this.#remove(item);
        return [
          { type: "forget", id },
          ...state.kind === "failed" ? this.#discard(item) : [],
        ];
    }
  }

  /** Of an item that is over; what another one of the same URL is to go on with stays. */
  #discard(item: QueueItem): QueueAction[] {
    // It may have been asked for again before it came to its end.
    const others = [...this.#unfinished.get(item.request.key) ?? []].flatMap((id) =>
      id === item.id ? [] : this.#items.get(id) ?? []
    );
    return others.some((other) => mayShareParts(item, other)) ? [] : [{ type: "discard", item }];
  }

  #stop(item: QueueItem, then: "queued" | "paused" | "cancelled" | "anew"): readonly QueueAction[] {
    const isFirst = item.state.kind === "active" && item.state.then === undefined;
    const saved = this.#save({ ...item, state: { kind: "active", then } });
    return isFirst ? [saved, { type: "stop", id: item.id }] : [saved];
  }

  #startNext(): QueueAction[] {
    const actions: QueueAction[] = [];
    while (this.#active.size < this.#maxActive) {
      // Two of one URL would write to one part.
      const keys = new Set(this.active.map(({ request }) => request.key));
      const next = this.#waiting.items.find(({ request }) => !keys.has(request.key));
      if (next === undefined) break;
      const item: QueueItem = { ...next, state: { kind: "active", then: undefined } };
      actions.push(this.#save(item), { type: "start", item });
    }
    return actions;
  }

  #prune(): QueueAction[] {
    const actions: QueueAction[] = [];
    for (const id of this.#over) {
      if (this.#over.size <= this.#maxFinished) break;
      const item = this.#items.get(id);
      if (item === undefined) continue;
      this.#remove(item);
      actions.push({ type: "forget", id });
    }
    return actions;
  }

  #save(item: QueueItem): QueueAction {
    this.#put(item);
    return { type: "save", item };
  }

  #put(item: QueueItem): void {
    const { id, state } = item;
    this.#leave(this.#items.get(id));
    this.#items.set(id, item);
    this.#byKey.set(item.request.key, Math.max(id, this.#byKey.get(item.request.key) ?? 0));
    this.#lastId = Math.max(this.#lastId, id);
    this.#lastPlace = Math.max(this.#lastPlace, item.place);
    if (isOver(state)) this.#over.add(id);
    else this.#unfinishedOf(item.request.key).add(id);
    if (state.kind === "active") this.#active.add(id);
    else if (state.kind === "queued") this.#waiting.add(item);
  }

  #leave(before: QueueItem | undefined): void {
    if (before === undefined) return;
    this.#active.delete(before.id);
    this.#over.delete(before.id);
    const unfinished = this.#unfinishedOf(before.request.key);
    unfinished.delete(before.id);
    if (unfinished.size === 0) this.#unfinished.delete(before.request.key);
    if (before.state.kind === "queued") this.#waiting.remove(before.id);
  }

  #unfinishedOf(key: string): Set<number> {
    const unfinished = this.#unfinished.get(key) ?? new Set();
    this.#unfinished.set(key, unfinished);
    return unfinished;
  }

  #remove(item: QueueItem): void {
    this.#leave(item);
    this.#items.delete(item.id);
    if (this.#byKey.get(item.request.key) === item.id) this.#byKey.delete(item.request.key);
  }
}

function overAtMs({ state }: QueueItem): number {
  return "atMs" in state ? state.atMs : Infinity;
}
