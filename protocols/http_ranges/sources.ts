import type { SchedulerSource } from "./scheduler_state.ts";
import { Source } from "./source.ts";

/** Another source has to be so much faster before a connection leaves the one that it has. */
const WORTH_CHANGING = 1.5;
const UNTRIED = Number.MAX_VALUE / 2;

/** What one connection does for one source. */
export interface Service {
  readonly source: number;
  readonly bytesPerMs: number;
}

/** All places where the file can be had, and which of them to ask next. */
export class Sources {
  readonly all: readonly Source[];
  readonly #perHost: number;

  constructor(
    sources: readonly SchedulerSource[],
    { perHost, most, random }: {
      readonly perHost: number;
      readonly most: number;
      readonly random: () => number;
    },
  ) {
    this.#perHost = perHost;
    this.all = sources.map(({ host }, index) =>
      new Source({ index, host, most: Math.min(most, perHost), random })
    );
  }

  get(index: number): Source {
    const source = this.all[index];
    if (source === undefined) throw new RangeError(`No source ${index} of ${this.all.length}`);
    return source;
  }

  /** Why none of them can be asked any more; `undefined` while one can. */
  get problem(): string | undefined {
    const problems = this.all.map(({ problem }) => problem);
    const [first] = problems;
    if (first === undefined || problems.includes(undefined)) return undefined;
    const others = problems.slice(1).map((problem, index) => `; mirror ${index + 1}: ${problem ?? ""}`);
    return first + others.join("");
  }

  /** How many connections there will be for now, of `most` that there may be. */
  allowed(most: number): number {
    const open = this.all.filter(({ problem }) => problem === undefined);
    return Math.min(most, open.reduce((sum, { ramp }) => sum + ramp.allowed, 0));
  }

  /** When the next one may be asked that can't be yet. */
  retryAtMs(nowMs: number): number | undefined {
    const times = this.all.filter(({ problem, retryAtMs }) => problem === undefined && retryAtMs > nowMs);
    return times.length === 0 ? undefined : Math.min(...times.map(({ retryAtMs }) => retryAtMs));
  }

  /** Leaves a whole host alone, whichever of its URLs asked for that. */
  pauseHost(
    of: Source,
    pause: { readonly reason: string; readonly retryAfterMs: number; readonly nowMs: number },
  ): void {
    for (const source of this.all) if (source.host === of.host) source.pause(pause.reason, pause);
  }

  /**
   * The source for one more connection: one that has not been tried, else the fastest for each connection;
   * rather the one that this connection was used for than one that is hardly faster.
   */
  choose(
    { last, services, nowMs }: {
      readonly last: number | undefined;
      readonly services: readonly Service[];
      readonly nowMs: number;
    },
  ): Source | undefined {
    let best: Source | undefined;
    let most = -1;
    for (const source of this.all) {
      if (!this.#isOpen(source, services, nowMs)) continue;
      const worth = worthOf(source, services) * (source.index === last ? WORTH_CHANGING : 1);
      if (worth > most) {
        best = source;
        most = worth;
      }
    }
    return best;
  }

  #isOpen(source: Source, services: readonly Service[], nowMs: number): boolean {
    if (source.problem !== undefined || source.retryAtMs > nowMs) return false;
    const own = services.filter((service) => service.source === source.index).length;
    const onHost = services.filter((service) => this.get(service.source).host === source.host).length;
    return own < source.ramp.allowed && onHost < this.#perHost;
  }
}

/** What a source brings for each connection, or brought when it last had one. Untried, it promises the most. */
function worthOf({ index, bytesPerMs = UNTRIED }: Source, services: readonly Service[]): number {
  const own = services.filter(({ source }) => source === index);
  return own.length === 0 ? bytesPerMs : meanSpeed(own);
}

/** What connections bring each; those that have not brought anything yet say nothing. */
export function meanSpeed(services: readonly Service[]): number {
  const flowing = services.filter(({ bytesPerMs }) => bytesPerMs > 0);
  return flowing.reduce((sum, { bytesPerMs }) => sum + bytesPerMs, 0) / Math.max(1, flowing.length);
}
