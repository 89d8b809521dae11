/**
 * Lets a few events of each kind through a minute, and counts the rest, so that what is told of a flood is
 * no flood itself. A core without I/O: times come from the caller, in milliseconds.
 *
 * @example
 * ```ts
 * const quota = new EventQuota<string>(1);
 * quota.admit("bad token", 0); // true
 * quota.admit("bad token", 1); // false
 * quota.drain(60_000); // [["bad token", 1]]
 * ```
 */
export class EventQuota<K> {
  readonly #most: number;
  readonly #windows = new Map<K, { readonly endsAtMs: number; admitted: number; withheld: number }>();

  /** @param mostAMinute Events of one kind that are let through in a minute. */
  constructor(mostAMinute: number) {
    this.#most = mostAMinute;
  }

  /**
   * Whether this event may be told. Of a kind whose last minute is over, what was withheld is forgotten
   * unless {@linkcode EventQuota.drain} was called before.
   */
  admit(kind: K, nowMs: number): boolean {
    let window = this.#windows.get(kind);
    if (window === undefined || nowMs >= window.endsAtMs) {
      window = { endsAtMs: nowMs + WINDOW_MS, admitted: 0, withheld: 0 };
      this.#windows.set(kind, window);
    }
    if (window.admitted < this.#most) {
      window.admitted++;
      return true;
    }
    window.withheld++;
    return false;
  }

  /** When the first count of withheld events is due to be drained; `undefined`: nothing is withheld. */
  get dueAtMs(): number | undefined {
    const due = [...this.#windows.values()].filter(({ withheld }) => withheld > 0);
    return due.length === 0 ? undefined : Math.min(...due.map(({ endsAtMs }) => endsAtMs));
  }

  /** Counts of withheld events whose minute is over by `nowMs`, and forgets them. */
  drain(nowMs: number): [K, number][] {
    const counts: [K, number][] = [];
    for (const [kind, { endsAtMs, withheld }] of this.#windows) {
      if (nowMs < endsAtMs) continue;
      this.#windows.delete(kind);
      if (withheld > 0) counts.push([kind, withheld]);
    }
    return counts;
  }
}

const WINDOW_MS = 60_000;
