/** How long uploads wait for a server that they can't reach at first, in milliseconds. */
const FIRST_CONTACT_MS = 5_000;
/** How long once it was there: then it is the network that is away, or a restart. */
const OUTAGE_MS = 600_000;

/** What the uploads of one run know of their server from each other. */
export class ServerContact {
  #state: "unknown" | "reached" | "given-up" = "unknown";

  /** How long the next upload should try to reach it. */
  get patienceMs(): number {
    switch (this.#state) {
      case "unknown":
        return FIRST_CONTACT_MS;
      case "reached":
        return OUTAGE_MS;
      case "given-up":
        return 0;
    }
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
