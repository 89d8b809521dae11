import { type Counter, type Gauge, type Histogram, Registry } from "../../net/metrics.ts";
import { ProcessMetrics } from "../../net/process_metrics.ts";
import type { UploadEvent } from "./upload_event.ts";

/** Why a peer was turned away before it was listened to. */
const DENIALS = ["host", "origin", "token", "method", "connection_limit", "address_limit"] as const;
/** Why a peer that may speak to the server may not start an upload. */
const REFUSED_STARTS = [
  "file_size",
  "session_limit",
  "unfinished_limit",
  "total_size",
  "disk_space",
] as const;
export type DenialReason = typeof DENIALS[number];
export type StartRefusal = typeof REFUSED_STARTS[number];
export type Rejection = DenialReason | StartRefusal;

/** Seconds: from a fast solid-state disk to one that is in trouble. */
const DISK_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/**
 * What an upload server counts of itself, for Prometheus. Gauges that are about the moment are set
 * when they are asked for; everything else counts as it happens.
 */
export class UploadMetrics {
  readonly registry = new Registry();

  readonly openSessions: Gauge = this.#gauge("open_sessions", "Uploads that belong to a connection.");
  readonly sessions: (state: "active" | "paused" | "orphaned") => Gauge = this.registry.gauges({
    name: "transfer_upload_sessions",
    help: "Uploads that are not complete, by state.",
    label: "state",
    values: ["active", "paused", "orphaned"],
  });
  readonly connections: Gauge = this.#gauge("connections", "WebSockets that are open.");
  readonly pausedSockets: Gauge = this.#gauge(
    "paused_sockets",
    "WebSockets that are not read, because what they sent waits for the disk.",
  );
  readonly queueBytes: Gauge = this.#gauge("queue_bytes", "Bytes of messages that wait for their turn.");
  readonly freeDiskBytes: Gauge = this.#gauge("free_disk_bytes", "Bytes that may still be written.");

  readonly receivedBytes: Counter = this.#counter("received_bytes_total", "Bytes of files stored.");
  readonly durableBytes: Counter = this.#counter("durable_bytes_total", "Bytes of files synced to disk.");
  readonly completed: Counter = this.#counter("completed_total", "Uploads published under their name.");
  readonly deleted: Counter = this.#counter("deleted_total", "Uploads deleted: stopped, or stale.");
  readonly failed: Counter = this.#counter("failed_total", "Requests that the disk or the system failed.");
  readonly errorAnswers: Counter = this.#counter("error_answers_total", "Errors answered to clients.");
  readonly offsetMismatches: Counter = this.#counter("offset_mismatches_total", "Chunks at a wrong offset.");
  readonly crcFailures: Counter = this.#counter("crc_failures_total", "Chunks whose CRC-32 did not match.");
  readonly digestMismatches: Counter = this.#counter(
    "digest_mismatches_total",
    "Whole files whose SHA-256 did not match.",
  );
  readonly rejected: (reason: Rejection) => Counter = this.registry.counters({
    name: "transfer_upload_rejected_requests_total",
    help: "Connections, requests and starts of uploads turned away, by reason.",
    label: "reason",
    values: [...DENIALS, ...REFUSED_STARTS],
  });

  readonly fsyncSeconds: Histogram = this.registry.histogram({
    name: "transfer_upload_fsync_duration_seconds",
    help: "How long it took to sync a part to disk.",
    bounds: DISK_BOUNDS,
  });
  readonly publishSeconds: Histogram = this.registry.histogram({
    name: "transfer_upload_publish_duration_seconds",
    help: "How long it took to sync a whole part and give it its final name.",
    bounds: DISK_BOUNDS,
  });

  readonly process = new ProcessMetrics(this.registry);

  /** Counts what an event says. */
  count(event: UploadEvent): void {
    switch (event.type) {
      case "completed":
        return this.completed.increment();
      case "deleted":
      case "expired":
        return this.deleted.increment();
      case "failed":
        return this.failed.increment();
    }
  }

  #gauge(name: string, help: string): Gauge {
    return this.registry.gauge({ name: `transfer_upload_${name}`, help });
  }

  #counter(name: string, help: string): Counter {
    return this.registry.counter({ name: `transfer_upload_${name}`, help });
  }
}
