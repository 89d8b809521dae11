/** Virtual time: events run in order, and nothing waits. */
export class VirtualClock {
  nowMs = 0;
  /** In order of time; those of one moment in the order in which they were asked for. */
  readonly #events: { readonly atMs: number; readonly run: () => void }[] = [];

  at(atMs: number, run: () => void): void {
    const event = { atMs: Math.max(atMs, this.nowMs), run };
    const after = this.#events.findLastIndex((each) => each.atMs <= event.atMs);
    this.#events.splice(after + 1, 0, event);
  }

  /** @returns Whether there was an event to run. */
  step(): boolean {
    const next = this.#events.shift();
    if (next === undefined) return false;
    this.nowMs = next.atMs;
    next.run();
    return true;
  }
}
