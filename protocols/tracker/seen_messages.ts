/** Ids that are remembered: what comes again after so many others is taken for new. */
const MAX_SEEN = 10_000;

/** Which messages came already, by sender and the sender's own id, whichever way. A core without I/O. */
export class SeenMessages {
  /** In the order in which they came. */
  readonly #seen = new Set<string>();

  /** @returns Whether it is new. */
  add(from: string, id: string): boolean {
    // Names hold no line feed.
    const name = `${from}\n${id}`;
    if (this.#seen.has(name)) return false;
    this.#seen.add(name);
    if (this.#seen.size > MAX_SEEN) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    return true;
  }
}
