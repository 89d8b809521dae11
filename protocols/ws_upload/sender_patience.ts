/** How long a sender bears with a server. Also loaded by the page. */

import { backoffMs, type BackoffOptions } from "../../net/backoff.ts";
import type { SenderOptions } from "./sender_state.ts";

/** Retries after a lost connection. */
const RECONNECT: Omit<BackoffOptions, "random"> = { baseMs: 500, capMs: 15_000 };
/** A plain server lets go of a silent connection after 10 s; ask for a little longer than that. */
const IN_USE_PATIENCE_MS = 20_000;
const IN_USE_RETRY_MS = 1_000;
/** Errors and mismatches in a row, with no byte stored between them, before giving up. */
const SETBACKS = 5;

/** Counts what went wrong, and says when to try again, and when it is enough. */
export class SenderPatience {
  readonly #options: Pick<SenderOptions, "unreachableMs" | "offlineMs" | "random">;
  /** Connection attempts since the last one that reached a `start-ack`. */
  #attempts = 0;
  #setbacks = 0;
  /** Since when the server has been out of reach, and since when it has refused `start`. */
  #lostAtMs: number | undefined;
  #refusedAtMs: number | undefined;
  #everStarted = false;

  constructor(options: Pick<SenderOptions, "unreachableMs" | "offlineMs" | "random">) {
    this.#options = options;
  }

  /** There is no connection. */
  isOffline(nowMs: number): void {
    this.#lostAtMs ??= nowMs;
  }

  /** @returns When to connect again; `undefined`: the server has been out of reach for too long. */
  reconnectAtMs(nowMs: number): number | undefined {
    this.#lostAtMs ??= nowMs;
    const { unreachableMs = 5_000, offlineMs = 600_000, random } = this.#options;
    const patienceMs = this.#everStarted ? offlineMs : unreachableMs;
    if (nowMs - this.#lostAtMs >= patienceMs) return undefined;
    return nowMs + backoffMs(this.#attempts++, { ...RECONNECT, random });
  }

  /** Another has the upload. @returns When to ask again; `undefined`: it has had it for too long. */
  askAgainAtMs(nowMs: number): number | undefined {
    this.#refusedAtMs ??= nowMs;
    return nowMs - this.#refusedAtMs >= IN_USE_PATIENCE_MS ? undefined : nowMs + IN_USE_RETRY_MS;
  }

  /** The server has answered `start`. */
  started(): void {
    this.#everStarted = true;
    this.#attempts = 0;
    this.#lostAtMs = undefined;
    this.#refusedAtMs = undefined;
  }

  /** Counts an error or a mismatch. @returns Whether it is enough. */
  isTooMuch(): boolean {
    return ++this.#setbacks > SETBACKS;
  }

  /** Bytes were stored: all is forgiven. */
  stored(): void {
    this.#setbacks = 0;
  }
}
