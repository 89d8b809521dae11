/** A time by which something has to happen. Moving it costs next to nothing, as each piece of a body does. */
export interface Alarm extends Disposable {
  /** From now on it is due in so many milliseconds. */
  set(ms: number): void;
  /** It is not due at all. */
  clear(): void;
}

/** Alarms that are all looked at in turn, by one timer. Disposing of it ends them. */
export class Alarms implements Disposable {
  readonly #alarms = new Set<{ dueAtMs: number; readonly ring: () => void }>();
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param precisionMs How late an alarm may be. */
  constructor(precisionMs: number) {
    this.#timer = setInterval(() => this.#look(), precisionMs);
  }

  /** @param ring Called once each time that it is due. */
  add(ring: () => void): Alarm {
    const entry = { dueAtMs: Infinity, ring };
    this.#alarms.add(entry);
    return {
      set: (ms) => void (entry.dueAtMs = performance.now() + ms),
      clear: () => void (entry.dueAtMs = Infinity),
      [Symbol.dispose]: () => void this.#alarms.delete(entry),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#alarms.clear();
  }

  #look(): void {
    const nowMs = performance.now();
    for (const alarm of this.#alarms) {
      if (alarm.dueAtMs > nowMs) continue;
      alarm.dueAtMs = Infinity;
      alarm.ring();
    }
  }
}
