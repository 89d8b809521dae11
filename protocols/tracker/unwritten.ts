import type { Change } from "./tracker_store.ts";

/**
 * What could not be written and has to be, as memory and disk would differ after a restart: channels, memberships
 * and ends of sessions, the latest of each. A core without I/O.
 */
export class Unwritten {
  readonly #changes = new Map<string, Change>();

  /** These could not be written. */
  keep(changes: readonly Change[]): void {
    for (const change of changes) {
      const key = keyOf(change);
      if (key !== undefined) this.#changes.set(key, change);
    }
  }

  /** These are to be written now: what was kept of the same things is out of date. */
  forget(changes: readonly Change[]): void {
    if (this.#changes.size === 0) return;
    for (const change of changes) {
      const key = keyOf(change);
      if (key !== undefined) this.#changes.delete(key);
    }
  }

  /** All that is kept, and keeps it no more. */
  take(): Change[] {
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    return changes;
  }
}

/** What a change is of; `undefined`: of nothing that is kept. Names hold no line feed. */
function keyOf(change: Change): string | undefined {
  switch (change.type) {
    case "channel":
      return `channel\n${change.channel}`;
    case "join":
    case "leave":
      return `member\n${change.channel}\n${change.peer}`;
    case "end-session":
      return `session\n${change.hash}`;
    default:
      return undefined;
  }
}
