import { MAX_READ } from "./limits.ts";
import { channelKey, type Message, messageJson, roomKey } from "./message.ts";
import type { PageRequest } from "./requests.ts";
import type { Change, Page, TrackerStore } from "./tracker_store.ts";

/** Messages of a room as JSON, and the newest id that it has. */
export interface ReadPage {
  /** The objects of a JSON array, without its brackets. */
  readonly json: string;
  readonly count: number;
  readonly lastId: number;
}

/** How many messages a room may have more than are kept, before it is cleaned up. */
const SLACK = 1_000;
/** Rooms whose messages are counted until the next cleaning. */
const MAX_COUNTED = 10_000;
/** Most messages deleted at a time for their age: about 20 ms. */
const PRUNE_MOST = 5_000;
/** Pages that are kept as they are sent, 16 MiB in all. */
const KEPT = { pages: 32, chars: 512 * 1024 } as const;
const NOTHING: ReadPage = { json: "", count: 0, lastId: 0 };

/** What was said. Answers that many ask for are kept as they are sent. */
export class History {
  readonly #store: TrackerStore;
  readonly #keep: number;
  /** By room: the newest id of each channel. Conversations are not remembered. */
  readonly #lastIds = new Map<string, number>();
  /** By room: the newest messages of a channel, until there is a newer one. */
  readonly #newest = new Map<string, ReadPage>();
  /** By room: messages that were stored since it was last cleaned up. */
  readonly #added = new Map<string, number>();

  /** @param keep Most messages that are kept of a room. */
  constructor(store: TrackerStore, keep: number) {
    this.#store = store;
    this.#keep = keep;
    for (const { room, id } of store.lastIds()) this.#lastIds.set(room, id);
  }

  lastId(channel: string): number {
    return this.#lastIds.get(channelKey(channel)) ?? 0;
  }

  /** The id of the oldest message that is kept. */
  get oldestId(): number | undefined {
    return this.#store.oldestId;
  }

  /** Messages of all rooms after an id, oldest first. */
  after(id: number, limit: number): Message[] {
    return this.#store.readAfter(id, limit);
  }

  /** Messages of a channel. */
  readChannel(channel: string, { since, before, limit = MAX_READ }: PageRequest): ReadPage {
    const room = channelKey(channel);
    const lastId = this.#lastIds.get(room) ?? 0;
    // Most who ask poll, and there is nothing.
    if (lastId === 0 || (since !== undefined && since >= lastId)) return { ...NOTHING, lastId };
    const isNewest = since === undefined && before === undefined && limit === MAX_READ;
    const kept = isNewest ? this.#newest.get(room) : undefined;
    if (kept !== undefined) return kept;
    const read = { ...this.#read(room, { since, before, limit }), lastId };
    if (isNewest && read.json.length <= KEPT.chars) {
      if (this.#newest.size >= KEPT.pages) this.#newest.clear();
      this.#newest.set(room, read);
    }
    return read;
  }

  /** Messages of a conversation. @param room Its key. */
  readDirect(room: string, { since, before, limit = MAX_READ }: PageRequest): ReadPage {
    return { ...this.#read(room, { since, before, limit }), lastId: this.#store.lastIdOf(room) };
  }

  /** A message was committed. @returns What is to be deleted for it, now and then. */
  stored({ id, room, from }: Message): Change | undefined {
    const key = roomKey(room, from);
    if (room.kind === "channel") {
      this.#lastIds.set(key, id);
      this.#newest.delete(key);
    }
    const added = (this.#added.get(key) ?? 0) + 1;
    if (added < SLACK && this.#added.size < MAX_COUNTED) {
      this.#added.set(key, added);
      return undefined;
    }
    this.#added.delete(key);
    return { type: "prune-room", room: key, keep: this.#keep };
  }

  /** What is to be deleted. @param beforeMs Messages from before that time are too old. */
  due(beforeMs: number): Change[] {
    const changes: Change[] = [...this.#added.keys()].map((room) => {
      return { type: "prune-room", room, keep: this.#keep };
    });
    this.#added.clear();
    // Pages that are kept may hold what is deleted.
    this.#newest.clear();
    return [...changes, { type: "prune-age", beforeMs, most: PRUNE_MOST }];
  }

  #read(room: string, page: Page): { readonly json: string; readonly count: number } {
    const messages = this.#store.read(room, page);
    return { json: messages.map(messageJson).join(","), count: messages.length };
  }
}
