import type { QueueChange, QueueStore } from "./queue_store.ts";

/** Writes changes of a queue to disk, in order. What comes within one turn costs one transaction. */
export class QueueSaver {
  readonly #store: QueueStore;
  readonly #onFailure: (reason: string) => void;
  /** Changes that are not on disk yet. */
  #unsaved: QueueChange[] = [];
  #saving: Promise<void> | undefined;

  /** @param onFailure Called when they could not be written. They are kept, and written with the next ones. */
  constructor(store: QueueStore, onFailure: (reason: string) => void) {
    this.#store = store;
    this.#onFailure = onFailure;
  }

  /** @throws {Error} They could not be written. */
  save(changes: readonly QueueChange[]): Promise<void> {
    this.#unsaved.push(...changes);
    return this.#saving ??= new Promise<void>((resolve, reject) => {
      setTimeout(() => {
        this.#saving = undefined;
        try {
          this.#store.write(this.#unsaved);
          this.#unsaved = [];
          resolve();
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          this.#onFailure(reason);
          reject(new Error(`The download queue could not be stored: ${reason}`, { cause: error }));
        }
      });
    });
  }

  /** Settles when nothing is being written. */
  async settled(): Promise<void> {
    await this.#saving?.catch(() => {}); // Told by `onFailure`.
  }
}
