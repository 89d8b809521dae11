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
  readonly #precisionMs: number;
  /** Read when the alarms are looked at: to read it for each request's six alarms took 3 % of the time. */
  #nowMs = performance.now();

  /** @param precisionMs Half of how late an alarm may be. */
  constructor(precisionMs: number) {
    this.#precisionMs = precisionMs;
    this.#timer = setInterval(() => this.#look(), precisionMs);
  }

  /** @param ring Called once each time that it is due. */
  add(ring: () => void): Alarm {
    const entry = { dueAtMs: Infinity, ring };
    this.#alarms.add(entry);
    return {
      set: (ms) => void (entry.dueAtMs = this.#nowMs + this.#precisionMs + ms),
      clear: () => void (entry.dueAtMs = Infinity),
      [Symbol.dispose]: () => void this.#alarms.delete(entry),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#alarms.clear();
  }

  #look(): void {
    this.#nowMs = performance.now();
    for (const alarm of this.#alarms) {
      if (alarm.dueAtMs > this.#nowMs) continue;
      alarm.dueAtMs = Infinity;
      alarm.ring();
    }
  }
}
