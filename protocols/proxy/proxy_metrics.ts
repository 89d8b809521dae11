import { Registry } from "../../net/metrics.ts";
import { ProcessMetrics } from "../../net/process_metrics.ts";
import type { Upstream } from "./upstream.ts";

/** Upper bounds in seconds. */
const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What a proxy counts of itself. */
export class ProxyMetrics {
  readonly registry = new Registry();
  readonly requests = this.registry.counters({
    name: "transfer_proxy_requests_total",
    help: "Requests that are over, by the class of their status; 499: the client did not wait.",
    label: "status",
    values: ["1xx", "2xx", "3xx", "4xx", "499", "5xx"],
  });
  readonly cut = this.registry.counter({
    name: "transfer_proxy_cut_answers_total",
    help: "Answers that ended before they were whole.",
  });
  readonly retries = this.registry.counter({
    name: "transfer_proxy_retries_total",
    help: "Attempts after a request's first.",
  });
  readonly failures = this.registry.counters({
    name: "transfer_proxy_upstream_failures_total",
    help: "Attempts that an upstream failed, by how.",
    label: "fault",
    values: ["unreachable", "broken", "slow", "malformed", "cut", "exhausted"],
  });
  readonly refused = this.registry.counters({
    name: "transfer_proxy_refused_total",
    help: "Connections that were not taken, and requests that could not be read.",
    label: "reason",
    values: [
      "connection_limit",
      "address_limit",
      "handshake",
      "malformed",
      "too-long",
      "unknown-coding",
      "unknown-version",
      "timeout",
    ],
  });
  readonly sentBytes = this.registry.counter({
    name: "transfer_proxy_sent_bytes_total",
    help: "Bytes sent to clients.",
  });
  readonly connections = this.registry.gauge({
    name: "transfer_proxy_connections",
    help: "Connections of clients.",
  });
  readonly tunnels = this.registry.gauge({
    name: "transfer_proxy_web_sockets",
    help: "WebSockets passed through.",
  });
  readonly answerSeconds = this.registry.histogram({
    name: "transfer_proxy_answer_seconds",
    help: "From a request's head to the head of its answer.",
    bounds: LATENCY_BOUNDS,
  });
  readonly #process = new ProcessMetrics(this.registry);

  /** A request is over. */
  noteRequest(
    { status, bytes, isCut }: { readonly status: number; readonly bytes: number; readonly isCut: boolean },
  ): void {
    this.requests(statusClass(status)).increment();
    this.sentBytes.increment(bytes);
    if (isCut) this.cut.increment();
  }

  /** Everything as text, upstreams as they are now. */
  render(upstreams: Iterable<Upstream>): string {
    this.#process.refresh();
    const all = [...upstreams];
    // Of its own, as a reload may bring others.
    const registry = new Registry();
    const gauges = (name: string, help: string, valueOf: (upstream: Upstream) => number) => {
      const values = all.map(({ origin }) => origin);
      const gauge = registry.gauges({
        name: `transfer_proxy_upstream_${name}`,
        help,
        label: "upstream",
        values,
      });
      for (const upstream of all) gauge(upstream.origin).set(valueOf(upstream));
    };
    gauges("up", "Whether an upstream is up.", ({ isUp }) => isUp ? 1 : 0);
    gauges("active", "Requests that an upstream works on.", ({ active }) => active);
    gauges("idle_connections", "Connections to an upstream that wait for a request.", ({ idle }) => idle);
    return this.registry.render() + registry.render();
  }
}

function statusClass(status: number): "1xx" | "2xx" | "3xx" | "4xx" | "499" | "5xx" {
  if (status === 499) return "499";
  if (status < 200) return "1xx";
  if (status < 300) return "2xx";
  if (status < 400) return "3xx";
  return status < 500 ? "4xx" : "5xx";
}
