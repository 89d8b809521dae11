/** Wakes those who have nothing to do. */
export class Bell {
  #rung = Promise.withResolvers<void>();

  /** Wakes all who wait now. */
  ring(): void {
    this.#rung.resolve();
    this.#rung = Promise.withResolvers();
  }

  /** Waits until it rings, or until a moment of `performance.now()`. */
  async wait(untilMs: number | undefined): Promise<void> {
    const timer = untilMs === undefined
      ? undefined
      : setTimeout(() => this.ring(), Math.max(0, untilMs - performance.now()));
    await this.#rung.promise;
    clearTimeout(timer);
  }
}
