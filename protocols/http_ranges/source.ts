import { backoffMs } from "../../net/backoff.ts";
import { Ramp, type Refusal } from "./ramp.ts";
import type { Validators } from "./validators.ts";

const RETRY = { baseMs: 500, capMs: 15_000 } as const;
/** So many connections lost within so long, while others go on, are the server's doing, not the link's. */
const RESETS = 3;
const RESETS_MS = 5_000;
/** Of how many answers the quickest tells how far the server is: the others waited for this machine, too. */
const DELAYS = 16;

/** What is known of a place where the file can be had. */
export class Source {
  readonly index: number;
  readonly host: string;
  readonly ramp: Ramp;
  /** Of its first answer; every further one must be of the same version of the file. */
  validators: Validators | undefined;
  /** Whether it has answered with bytes of the file. */
  isProven = false;
  /** Why it is not asked any more. */
  problem: string | undefined;
  /** Bytes that have come from it. */
  received = 0;
  /** What its last connection brought, in bytes a millisecond. */
  bytesPerMs: number | undefined;
  /** Unusable answers to requests for a range, in a row. */
  wrongAnswers = 0;
  #failures = 0;
  #failedAtMs = -Infinity;
  #retryAtMs = 0;
  #lastReason = "";
  #resets: number[] = [];
  #delaysMs: readonly number[] = [];
  readonly #random: () => number;

  constructor(
    { index, host, most, random }: {
      readonly index: number;
      readonly host: string;
      /** The most connections. */
      readonly most: number;
      readonly random: () => number;
    },
  ) {
    this.index = index;
    this.host = host;
    this.ramp = new Ramp(most);
    this.#random = random;
  }

  /** When it may be asked again, and why not before. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** What went wrong last. */
  get lastReason(): string {
    return this.#lastReason;
  }

  /** From a request to its answer, in milliseconds, when nothing holds it up; 0 until known. */
  get latencyMs(): number {
    return this.#delaysMs.length === 0 ? 0 : Math.min(...this.#delaysMs);
  }

  answered(delayMs: number, nowMs: number): void {
    this.isProven = true;
    this.wrongAnswers = 0;
    this.#delaysMs = [...this.#delaysMs.slice(1 - DELAYS), delayMs];
    this.ramp.answered(delayMs, nowMs);
  }

  /** Bytes have come: whatever failed before is over. */
  progressed(): void {
    this.#failures = 0;
  }

  /**
   * An attempt brought nothing. Waits longer each time, and gives up after `retries` in a row; attempts that
   * were under way together count as one.
   */
  failed(
    reason: string,
    { requestedAtMs, retries, nowMs }: {
      readonly requestedAtMs: number;
      readonly retries: number;
      readonly nowMs: number;
    },
  ): void {
    this.#lastReason = reason;
    if (requestedAtMs < this.#failedAtMs) return;
    this.#failedAtMs = nowMs;
    this.#retryAtMs = nowMs + backoffMs(this.#failures, { ...RETRY, random: this.#random });
    if (++this.#failures > retries) this.problem = reason;
  }

  /** It asked to be left alone for so long. */
  pause(
    reason: string,
    { retryAfterMs, nowMs }: { readonly retryAfterMs: number; readonly nowMs: number },
  ): void {
    this.#lastReason = reason;
    this.#retryAtMs = Math.max(this.#retryAtMs, nowMs + retryAfterMs);
  }

  /** A connection broke after it had brought bytes. */
  wasReset(refusal: Refusal, nowMs: number): void {
    this.#resets = [...this.#resets.filter((atMs) => nowMs - atMs < RESETS_MS), nowMs];
    if (refusal.served === 0 || this.#resets.length < RESETS) return;
    this.#resets = [];
    this.ramp.punished(refusal, nowMs);
  }

  /** The file has changed: what was known of it is not true any more. */
  forget(): void {
    this.validators = undefined;
    this.isProven = false;
    this.wrongAnswers = 0;
  }
}
