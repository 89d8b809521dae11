import { setTimeout as delay } from "node:timers/promises";
import { backoffMs } from "./backoff.ts";
import { ConnectionProblem } from "./connection_problem.ts";

/** Failures in a row, with nothing received between them, before giving up: about half a minute. */
const MAX_FAILURES = 9;
const RETRY = { baseMs: 250, capMs: 8_000, random: Math.random };

/** How long a server is tried again, for all connections of one transfer. */
export class Patience {
  readonly #signal: AbortSignal;
  #failures = 0;
  #retryAtMs = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** What is told of the transfer; `undefined`: nothing has failed since something was received. */
  get note(): string | undefined {
    return this.#failures > 0 ? "no connection, trying again" : undefined;
  }

  /** Something was received. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Waits before another try. Connections that fail together count as one, and wait for the same moment.
   *
   * @throws `problem`, when it gets no better, is none of the connection, or there were too many.
   * @throws The reason of the signal.
   */
  async after(problem: unknown): Promise<void> {
    this.#signal.throwIfAborted();
    if (!(problem instanceof ConnectionProblem) || problem.isFinal) throw problem;
    const nowMs = performance.now();
    if (nowMs >= this.#retryAtMs) {
      if (++this.#failures > MAX_FAILURES) throw problem;
      this.#retryAtMs = nowMs + backoffMs(this.#failures - 1, RETRY);
    }
    await delay(Math.max(0, this.#retryAtMs - nowMs), undefined, { signal: this.#signal }).catch(() => {});
    this.#signal.throwIfAborted();
  }
}
