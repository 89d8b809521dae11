/** So many connections cost a server nothing, and are opened as soon as it answers: browsers open as many. */
const FREE = 8;
/**
 * A connection that brings so much alone, in bytes a millisecond, is bounded by this machine: more of them
 * would share what it can do, and fetch a file's beginning later.
 */
const ENOUGH = 150_000;
/** How long a connection to a near server is looked at for that. A far one can't be so fast so soon. */
const LOOK_MS = 20;
/** Each answer with bytes allows so many more: 1, 5, 8. */
export const GROWTH = 4;
/** Beyond them, more have to show that they are worth it, by the throughput over so long. */
const WINDOW_MS = 2_000;
/** What they have to bring, as a share of what as many of the others bring. */
const WORTH = 0.25;
/** How long to wait before trying more after they brought nothing, or were punished. */
const REST_MS = 10_000;
const PENALTY_MS = 30_000;
const MOST_PENALTY_MS = 300_000;

/** A time over which the throughput is taken. */
interface Window {
  readonly sinceMs: number;
  readonly received: number;
}

/** What there was before more connections were tried. */
interface Trial {
  readonly connections: number;
  readonly bytesPerMs: number;
}

/** A connection that the server refused or dropped. */
export interface Refusal {
  /** How many others it served at that time. */
  readonly served: number;
  /** When it was asked for. */
  readonly requestedAtMs: number;
}

/**
 * How many connections a server is to be asked for: they grow while the throughput does, and fall back to
 * what was served when the server punishes more.
 */
export class Ramp {
  readonly #most: number;
  #allowed = 1;
  #trial: Trial | undefined;
  #window: Window | undefined;
  #restUntilMs = 0;
  #penaltyMs = PENALTY_MS;
  #punishedAtMs = -Infinity;

  constructor(most: number) {
    this.#most = most;
  }

  /** The most connections for now. */
  get allowed(): number {
    return this.#allowed;
  }

  /** Whether the server has ever had too many: from then on they grow one at a time. */
  get wasPunished(): boolean {
    return this.#punishedAtMs > -Infinity;
  }

  /** A connection was answered with bytes of the file, `afterMs` after it had asked. */
  answered(afterMs: number, nowMs: number): void {
    if (afterMs >= LOOK_MS) this.#grow(nowMs);
  }

  /**
   * What a connection has brought since its first bytes.
   *
   * @returns Whether that was long enough ago; then it need not be told again.
   */
  brought(
    { bytes, withinMs, isAll }: {
      readonly bytes: number;
      readonly withinMs: number;
      /** Whether nothing more comes of it. */
      readonly isAll: boolean;
    },
    nowMs: number,
  ): boolean {
    if (withinMs < LOOK_MS && !isAll) return false;
    if (bytes < ENOUGH * Math.max(1, withinMs)) this.#grow(nowMs);
    return true;
  }

  #grow(nowMs: number): void {
    if (this.wasPunished || nowMs < this.#restUntilMs || this.#allowed >= FREE) return;
    this.#allowed = Math.min(this.#most, FREE, this.#allowed + GROWTH);
    this.#window = undefined;
  }

  /** The server refused or dropped a connection while it served `served` others. */
  punished({ served, requestedAtMs }: Refusal, nowMs: number): void {
    // Those that were asked for together fail together: that is one lesson, not several.
    if (requestedAtMs <= this.#punishedAtMs) return;
    this.#punishedAtMs = nowMs;
    this.#allowed = Math.max(1, Math.min(this.#allowed - 1, served));
    this.#restUntilMs = nowMs + this.#penaltyMs;
    this.#penaltyMs = Math.min(MOST_PENALTY_MS, 2 * this.#penaltyMs);
    this.#trial = undefined;
  }

  /**
   * Tells how many connections there are, and what all have brought since the start; to be called about
   * every second.
   */
  measured(
    { connections, received }: { readonly connections: number; readonly received: number },
    nowMs: number,
  ): void {
    if (connections < this.#allowed || nowMs < this.#restUntilMs) {
      this.#window = undefined;
      return;
    }
    const window = this.#window ??= { sinceMs: nowMs, received };
    if (nowMs - window.sinceMs < WINDOW_MS) return;
    this.#window = undefined;
    this.#judge({ connections, bytesPerMs: (received - window.received) / (nowMs - window.sinceMs) }, nowMs);
  }

  #judge(now: Trial, nowMs: number): void {
    const before = this.#trial;
    this.#trial = undefined;
    if (before !== undefined) {
      const gain = now.bytesPerMs / Math.max(before.bytesPerMs, Number.MIN_VALUE) - 1;
      if (gain < WORTH * (now.connections / before.connections - 1)) {
        this.#allowed = before.connections;
        this.#restUntilMs = nowMs + REST_MS;
        return;
      }
    }
    if (this.#allowed >= this.#most) return;
    this.#trial = now;
    const step = this.wasPunished ? 1 : Math.max(1, Math.floor(this.#allowed / 4));
    this.#allowed = Math.min(this.#most, this.#allowed + step);
  }
}
