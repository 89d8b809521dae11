/** How an upstream failed. */
export type UpstreamFault =
  /** No connection could be made. */
  | "unreachable"
  /** The connection ended before the answer began, or its answer was no HTTP. */
  | "broken"
  /** The answer did not begin in time. */
  | "slow";

/** Whether an upstream is given requests. */
type State =
  | { readonly kind: "up"; readonly faults: number; readonly probeAtMs: number }
  | { readonly kind: "down"; readonly probes: number; readonly probeAtMs: number };

/** Options of {@linkcode UpstreamHealth}; times in milliseconds. */
export interface HealthOptions {
  /** Faults in a row, without an answer in between, after which an upstream that can be reached is down. */
  readonly faultsMost: number;
  /** From the moment an upstream is down to its first probe. */
  readonly probeMs: number;
  /** The longest time between two probes; it doubles from `probeMs`. */
  readonly probeMostMs: number;
  /** Between the probes of an upstream that is up; `undefined`: it is not probed. */
  readonly probeUpMs: number | undefined;
}

/** Of a server as it runs. */
export const HEALTH: HealthOptions = {
  faultsMost: 3,
  probeMs: 250,
  probeMostMs: 5_000,
  probeUpMs: undefined,
};

/**
 * Whether an upstream is up, by what became of requests and of probes. A core without I/O.
 *
 * What refuses a connection is down at once. What takes it and then fails is down only after several faults in a
 * row: one address of a site that hangs must not take away the whole of it.
 */
export class UpstreamHealth {
  readonly #options: HealthOptions;
  #state: State;

  constructor(options: HealthOptions, nowMs: number) {
    this.#options = options;
    this.#state = { kind: "up", faults: 0, probeAtMs: nowMs + (options.probeUpMs ?? Infinity) };
  }

  get isUp(): boolean {
    return this.#state.kind === "up";
  }

  /** When it is to be probed next; `Infinity`: never. */
  get probeAtMs(): number {
    return this.#state.probeAtMs;
  }

  /** It has answered a request, or a probe. @returns Whether that brings it up. */
  answered(nowMs: number): boolean {
    const wasDown = this.#state.kind === "down";
    // The hot path: nothing changes, as a rule.
    if (wasDown || (this.#state.kind === "up" && this.#state.faults > 0)) this.#state = this.#up(nowMs, 0);
    return wasDown;
  }

  /** A request has failed, or a probe. @returns Whether that takes it down. */
  failed(fault: UpstreamFault, nowMs: number): boolean {
    if (this.#state.kind === "down") return false;
    const faults = this.#state.faults + 1;
    if (fault !== "unreachable" && faults < this.#options.faultsMost) {
      this.#state = { ...this.#state, faults };
      return false;
    }
    this.#state = { kind: "down", probes: 0, probeAtMs: nowMs + this.#options.probeMs };
    return true;
  }

  /** A probe has begun: the next one is due later, whatever becomes of it. */
  probing(nowMs: number): void {
    if (this.#state.kind === "up") {
      this.#state = this.#up(nowMs, this.#state.faults);
      return;
    }
    const probes = this.#state.probes + 1;
    const waitMs = Math.min(this.#options.probeMs * 2 ** probes, this.#options.probeMostMs);
    this.#state = { kind: "down", probes, probeAtMs: nowMs + waitMs };
  }

  #up(nowMs: number, faults: number): State {
    return { kind: "up", faults, probeAtMs: nowMs + (this.#options.probeUpMs ?? Infinity) };
  }
}
