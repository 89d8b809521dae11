/** How long the next upload should try to reach its server, in milliseconds. */
const PATIENCE_MS = {
  unknown: 5_000,
  /** It was there: then it is the network that is away, or a restart. */
  reached: 600_000,
  /** It was not there for another upload either. */
  "given-up": 0,
};

/** What the uploads of one run know of their server from each other. */
export class ServerContact {
  #state: keyof typeof PATIENCE_MS = "unknown";

  /** How long the next upload should try to reach it. */
  get patienceMs(): number {
    return PATIENCE_MS[this.#state];
  }

  /** It has taken up an upload. */
  reached(): void {
    this.#state = "reached";
  }

  /** An upload has failed. A server that was never there is not waited for once more by each of the next. */
  failed(): void {
    if (this.#state === "unknown") this.#state = "given-up";
  }
}
