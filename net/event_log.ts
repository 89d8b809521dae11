/** An event and the id under which a reader can say that it has seen it. */
export interface LoggedEvent<T> {
  readonly id: string;
  readonly event: T;
}

/** Options of {@linkcode EventLog}. */
export interface EventLogOptions {
  /** Events that are kept. */
  readonly capacity: number;
  /**
   * Tells this log from all others, so that an id given out before a restart is not taken for one of
   * this run. Letters and digits.
   */
  readonly epoch: string;
}

/**
 * The last events of something, for readers that come back and ask for what they missed. A core without
 * I/O; it keeps a ring, so that its memory is that of `capacity` events.
 *
 * @example
 * ```ts
 * const log = new EventLog<string>({ capacity: 2, epoch: "e" });
 * const { id } = log.append("one");
 * log.append("two");
 * log.since(id); // [{ id: "e-2", event: "two" }]
 * ```
 */
export class EventLog<T> {
  readonly #options: EventLogOptions;
  /** The event with number n is at n modulo capacity. */
  readonly #ring: T[] = [];
  #last = 0;

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** The id of the newest event; before the first, one that all events follow. */
  get lastId(): string {
    return this.#id(this.#last);
  }

  append(event: T): LoggedEvent<T> {
    this.#last++;
    this.#ring[this.#last % this.#options.capacity] = event;
    return { id: this.lastId, event };
  }

  /**
   * The events after the one with this id, oldest first.
   *
   * @returns `undefined` when they can't be told: some are gone, or the id is not of this log.
   */
  since(id: string): readonly LoggedEvent<T>[] | undefined {
    const { capacity, epoch } = this.#options;
    const [, ofEpoch, digits = ""] = /^([^-]*)-(\d{1,15})$/.exec(id) ?? [];
    const seen = Number(digits);
    if (ofEpoch !== epoch || seen > this.#last || this.#last - seen > capacity) return undefined;
    const missed: LoggedEvent<T>[] = [];
    for (let number = seen + 1; number <= this.#last; number++) {
      const event = this.#ring[number % capacity];
      if (event !== undefined) missed.push({ id: this.#id(number), event });
    }
    return missed;
  }

  #id(number: number): string {
    return `${this.#options.epoch}-${number}`;
  }
}
