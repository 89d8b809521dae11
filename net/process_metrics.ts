import type { Gauge, Registry } from "./metrics.ts";

/** What every server tells of its process, under the names that Prometheus gives it for all programs. */
export class ProcessMetrics {
  readonly #start: Gauge;
  readonly #residentMemory: Gauge;

  constructor(registry: Registry) {
    this.#start = registry.gauge({
      name: "process_start_time_seconds",
      help: "When the process was started, in seconds since 1970.",
    });
    this.#residentMemory = registry.gauge({
      name: "process_resident_memory_bytes",
      help: "Resident memory of the process.",
    });
  }

  /** Sets them to what they are now. */
  refresh(): void {
    this.#start.set(performance.timeOrigin / 1000);
    this.#residentMemory.set(Deno.memoryUsage().rss);
  }
}
