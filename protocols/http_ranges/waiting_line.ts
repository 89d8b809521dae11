import type { QueueItem } from "./queue_item.ts";

/** Items that wait, in the order of their places. A core without I/O. */
export class WaitingLine {
  /** Sorted when it is looked at: most come in order, and a thousand that don't are sorted once. */
  readonly #items: QueueItem[] = [];
  #isSorted = true;

  /** The next one first. */
  get items(): readonly QueueItem[] {
    if (!this.#isSorted) this.#items.sort((a, b) => a.place - b.place);
    this.#isSorted = true;
    return this.#items;
  }

  add(item: QueueItem): void {
    const last = this.#items.at(-1);
    this.#isSorted &&= last === undefined || last.place < item.place;
    this.#items.push(item);
  }

  /** Takes an item out, if it is there. */
  remove(id: number): void {
    // As a rule it is the first.
    const at = this.#items[0]?.id === id ? 0 : this.#items.findIndex((item) => item.id === id);
    if (at !== -1) this.#items.splice(at, 1);
  }
}
