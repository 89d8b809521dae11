/** Virtual time in microseconds: what is planned runs in the order of its time, and nothing waits. */
export class VirtualTime {
  #nowUs = 0;
  #order = 0;
  /** A binary heap. */
  readonly #plans: Plan[] = [];

  get nowUs(): number {
    return this.#nowUs;
  }

  /** Plans a call. What is planned for one time runs in the order in which it was planned. */
  at(atUs: number, run: () => void): void {
    this.#plans.push({ atUs: Math.max(atUs, this.#nowUs), order: this.#order++, run });
    this.#rise(this.#plans.length - 1);
  }

  /** Runs plans until there are none, `isOver` says so, or `untilUs` has come. */
  run({ untilUs = Infinity, isOver = () => false }: {
    readonly untilUs?: number;
    readonly isOver?: () => boolean;
  }): void {
    while (!isOver()) {
      const [first] = this.#plans;
      if (first === undefined || first.atUs > untilUs) {
        if (untilUs !== Infinity) this.#nowUs = Math.max(this.#nowUs, untilUs);
        return;
      }
      const last = this.#plans.pop();
      if (last !== undefined && last !== first) {
        this.#plans[0] = last;
        this.#sink();
      }
      this.#nowUs = first.atUs;
      first.run();
    }
  }

  #rise(from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#swapIfLater(parent, i)) return;
      i = parent;
    }
  }

  #sink(): void {
    for (let i = 0;;) {
      const left = 2 * i + 1;
      const child = isBefore(this.#plans[left + 1], this.#plans[left]) ? left + 1 : left;
      if (!this.#swapIfLater(i, child)) return;
      i = child;
    }
  }

  #swapIfLater(upper: number, lower: number): boolean {
    const [one, other] = [this.#plans[upper], this.#plans[lower]];
    if (one === undefined || other === undefined || !isBefore(other, one)) return false;
    this.#plans[upper] = other;
    this.#plans[lower] = one;
    return true;
  }
}

interface Plan {
  readonly atUs: number;
  readonly order: number;
  readonly run: () => void;
}

function isBefore(one: Plan | undefined, other: Plan | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.atUs < other.atUs || (one.atUs === other.atUs && one.order < other.order);
}
