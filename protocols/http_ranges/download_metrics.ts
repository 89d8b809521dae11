import { Registry } from "../../net/metrics.ts";
import type { DownloadEvent, QueueService } from "./queue_service.ts";

const UNFINISHED = ["queued", "active", "paused"] as const;
const OUTCOMES = ["done", "failed", "cancelled"] as const;

/** What the queue of downloads counts of itself, for Prometheus. */
export class DownloadMetrics {
  readonly #registry = new Registry();
  readonly #items = this.#registry.gauges({
    name: "transfer_download_items",
    help: "Downloads that are not over, by state.",
    label: "state",
    values: UNFINISHED,
  });
  readonly #bytesPerSecond = this.#registry.gauge({
    name: "transfer_download_bytes_per_second",
    help: "Speed of all downloads under way.",
  });
  readonly #ended = this.#registry.counters({
    name: "transfer_download_ended_total",
    help: "Downloads that are over, by how they ended.",
    label: "outcome",
    values: OUTCOMES,
  });
  readonly #fileBytes = this.#registry.counter({
    name: "transfer_download_file_bytes_total",
    help: "Bytes of files that were fetched whole.",
  });
  readonly #unsaved = this.#registry.counter({
    name: "transfer_download_unsaved_total",
    help: "Changes of the queue that could not be written to disk.",
  });

  /** Counts what happened. */
  count(event: DownloadEvent): void {
    if (event.type === "unsaved") this.#unsaved.increment();
    const outcome = OUTCOMES.find((each) => each === event.type);
    if (outcome !== undefined) this.#ended(outcome).increment();
    if (event.type === "done") this.#fileBytes.increment(event.bytes);
  }

  /** All of it at this moment, as text. */
  render(service: Pick<QueueService, "active" | "waiting" | "paused" | "view">): string {
    const { active, waiting, paused } = service;
    this.#items("queued").set(waiting.length);
    this.#items("active").set(active.length);
    this.#items("paused").set(paused.length);
    this.#bytesPerSecond.set(active.reduce((sum, item) => sum + service.view(item).bytesPerSecond, 0));
    return this.#registry.render();
  }
}
