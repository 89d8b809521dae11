/** How often what was written is made durable, in milliseconds: what a loss of power costs at most. */
const SYNC_MS = 1_000;

/** Makes what is written durable now and then, beside the writing. */
export class PacedSync {
  readonly #sync: () => Promise<void>;
  readonly #onFailure: (problem: unknown) => void;
  #lastMs = 0;
  #isSyncing = false;

  /** @param options `onFailure` is called when what was written could not be made durable. */
  constructor({ sync, onFailure }: {
    readonly sync: () => Promise<void>;
    readonly onFailure: (problem: unknown) => void;
  }) {
    this.#sync = sync;
    this.#onFailure = onFailure;
  }

  /** To be called when something was written. */
  written(nowMs: number): void {
    if (this.#isSyncing || nowMs - this.#lastMs < SYNC_MS) return;
    this.#isSyncing = true;
    void this.#sync().catch(this.#onFailure).finally(() => {
      this.#isSyncing = false;
      this.#lastMs = performance.now();
    });
  }
}
