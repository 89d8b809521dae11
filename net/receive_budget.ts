/**
 * A bound on what a server holds in memory of messages received and not yet worked off, over all its
 * connections. A connection that finds it spent stops reading and is told when to go on.
 */
export class ReceiveBudget {
  readonly #limitBytes: number;
  #heldBytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes held now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether more should not be read. */
  get isSpent(): boolean {
    return this.#heldBytes >= this.#limitBytes;
  }

  /** A message has arrived. */
  take(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** It was worked off. Whoever waited goes on once half of the budget is free. */
  give(bytes: number): void {
    this.#heldBytes -= bytes;
    if (this.#heldBytes > this.#limitBytes / 2) return;
    const waiting = [...this.#waiting];
    // Before they are called: one that finds the budget spent by another asks to wait again.
    this.#waiting.clear();
    for (const goOn of waiting) goOn();
  }

  /** Asks to be called once there is room again. */
  wait(goOn: () => void): void {
    this.#waiting.add(goOn);
  }

  /** Takes that back. */
  forget(goOn: () => void): void {
    this.#waiting.delete(goOn);
  }
}
