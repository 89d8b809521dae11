import type { Lanes } from "./lanes.ts";
import type { Lease } from "./leases.ts";
import type { Refusal } from "./ramp.ts";
import type { Verdict } from "./response_check.ts";
import type { Source } from "./source.ts";
import type { Sources } from "./sources.ts";

/** Fewer bytes are no sign of life, and do not excuse a failure. */
export const ALIVE_BYTES = 1024;

/** Why a connection came to nothing, or to less than it should. */
export interface Loss {
  readonly reason: string;
  /** There is no use in trying this source again. */
  readonly isFinal?: boolean;
  /** It was cut here, as nothing came. */
  readonly isStall?: boolean;
}

/**
 * What becomes of a source when one of its connections fails: it is asked for less, later, or not any more.
 * The connection is not among the lanes any more when this is called.
 */
export class Setbacks {
  readonly #sources: Sources;
  readonly #lanes: Lanes;
  readonly #retries: number;
  readonly #isInVain: () => boolean;

  constructor(
    { sources, lanes, retries, isInVain }: {
      readonly sources: Sources;
      readonly lanes: Lanes;
      readonly retries: number;
      /** Whether what has come is worth nothing now, as it has to be fetched from the beginning. */
      readonly isInVain: () => boolean;
    },
  ) {
    this.#sources = sources;
    this.#lanes = lanes;
    this.#retries = retries;
    this.#isInVain = isInVain;
  }

  /** The server said that it was asked for too much. */
  busy(lease: Lease, { reason, retryAfterMs }: Extract<Verdict, { kind: "busy" }>, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    const refusal = this.#refusalOf(lease);
    const served = refusal.served > 0 ? refusal.served : Math.floor(source.ramp.allowed / 2);
    source.ramp.punished({ ...refusal, served }, nowMs);
    // With others served it is enough to ask for less; the next request waits for one of them to end.
    if (retryAfterMs === undefined && refusal.served > 0) return;
    this.failed(lease, reason, nowMs);
    if (retryAfterMs !== undefined) this.#sources.pauseHost(source, { reason, retryAfterMs, nowMs });
  }

  /** The server gave a final answer: a URL that works only once, say. What flows from it may go on. */
  refused(lease: Lease, reason: string, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    const refusal = this.#refusalOf(lease);
    if (refusal.served === 0) source.problem = reason;
    else {
      source.ramp.punished(refusal, nowMs);
      this.failed(lease, reason, nowMs);
    }
  }

  /** The connection was lost, or brought less than it should. */
  lost(
    lease: Lease,
    { reason, isFinal = false, isStall = false }: Loss,
    nowMs: number,
  ): void {
    const source = this.#sources.get(lease.source);
    if (isFinal) source.problem = reason;
    else if (!this.#isInVain() && !isStall && lease.at - lease.from >= ALIVE_BYTES) {
      source.wasReset(this.#refusalOf(lease), nowMs);
    } else this.failed(lease, reason, nowMs);
  }

  /** The connection was lost before it had an answer, which servers do that have too many. */
  unanswered(lease: Lease, nowMs: number): void {
    const refusal = this.#refusalOf(lease);
    if (refusal.served > 0) this.#sources.get(lease.source).ramp.punished(refusal, nowMs);
  }

  /** An attempt brought nothing. */
  failed({ source, requestedAtMs }: Lease, reason: string, nowMs: number): void {
    this.#sources.get(source).failed(reason, { requestedAtMs, retries: this.#retries, nowMs });
  }

  #refusalOf({ source, requestedAtMs }: Lease): Refusal {
    return { served: this.#lanes.servedBy(source), requestedAtMs };
  }
}

/** Why an answer is of no use as long as other sources give ranges. */
export function drawbackOf(verdict: Verdict, source: Source): string | undefined {
  switch (verdict.kind) {
    case "whole":
      return "It sends the file in one piece only";
    case "plain-get":
      return verdict.reason;
    case "wrong":
      return source.isProven ? undefined : verdict.reason;
    default:
      return undefined;
  }
}
