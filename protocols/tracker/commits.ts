import { setImmediate } from "node:timers";
import { MAX_PENDING_WRITES } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import type { Change } from "./tracker_store.ts";

/** Options of {@linkcode Commits}. */
export interface CommitsOptions {
  /** Writes changes, all or none. */
  readonly write: (changes: readonly Change[]) => void;
  /** Whether what it threw may be over in a moment. */
  readonly isBusy: (error: unknown) => boolean;
  /** Called for what was written, before anybody is answered. */
  readonly onCommitted: (changes: readonly Change[], seconds: number) => void;
  /** Nothing of it was written. */
  readonly onFailed: (changes: readonly Change[], error: unknown) => void;
}

/** How long somebody else may have the database, and how often it is looked, in milliseconds. */
const BUSY_MS = 5_000;
const RETRY_MS = 25;

/**
 * Gathers what all requests of one turn of the event loop write, and commits it at once: a thousand messages
 * cost one sync, and a single one does not wait.
 */
export class Commits {
  readonly #options: CommitsOptions;
  #pending: Change[] = [];
  #batch: PromiseWithResolvers<void> | undefined;
  /** When the batch was found to be waiting for somebody else. */
  #busySinceMs: number | undefined;

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.length;
  }

  /**
   * Has a change written that somebody asks for.
   *
   * @returns Settles when it is on disk; rejects when it is not, nor will be.
   * @throws {Refusal} Too many writes wait already.
   */
  add(change: Change): Promise<void> {
    if (this.#pending.length >= MAX_PENDING_WRITES) throw new Refusal(503, "The disk does not keep up");
    return this.addAll([change]);
  }

  /** The same for what has to be written sooner or later, however many there are. */
  addAll(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    for (const change of changes) this.#pending.push(change);
    if (this.#batch === undefined) {
      this.#batch = Promise.withResolvers();
      // After the connections that can be read in this turn were read.
      setImmediate(() => this.#flush());
    }
    return this.#batch.promise;
  }

  /** Commits now what is pending; nothing is tried again. */
  flush(): void {
    this.#busySinceMs = -Infinity;
    this.#flush();
  }

  #flush(): void {
    const batch = this.#batch;
    const changes = this.#pending;
    if (batch === undefined) return;
    const startedAt = performance.now();
    try {
      this.#options.write(changes);
    } catch (error) {
      if (this.#options.isBusy(error) && startedAt - (this.#busySinceMs ??= startedAt) < BUSY_MS) {
        // What comes meanwhile joins it.
        return void setTimeout(() => this.#flush(), RETRY_MS);
      }
      this.#begin();
      this.#options.onFailed(changes, error);
      batch.reject(new Refusal(503, "It could not be written to disk"));
      return;
    }
    this.#begin();
    this.#options.onCommitted(changes, (performance.now() - startedAt) / 1000);
    batch.resolve();
  }

  #begin(): void {
    this.#batch = undefined;
    this.#pending = [];
    this.#busySinceMs = undefined;
  }
}
