import { Registry } from "../../net/metrics.ts";
import { ProcessMetrics } from "../../net/process_metrics.ts";
import { DENIALS } from "./gate.ts";
import type { Commit } from "./tracker.ts";

/** What a tracker counts of itself. */
export class TrackerMetrics {
  readonly registry = new Registry();
  readonly requests = this.registry.counters({
    name: "tracker_requests_total",
    help: "Requests answered, by the first digit of the status.",
    label: "class",
    values: ["1", "2", "3", "4", "5"],
  });
  readonly denied = this.registry.counters({
    name: "tracker_denied_total",
    help: "Requests and connections turned away.",
    label: "reason",
    values: DENIALS,
  });
  readonly messages = this.registry.counter({
    name: "tracker_messages_total",
    help: "Messages committed.",
  });
  readonly cut = this.registry.counter({
    name: "tracker_readers_cut_total",
    help: "Readers of events that left too much unread.",
  });
  readonly logins = this.registry.counters({
    name: "tracker_logins_total",
    help: "Attempts to log in.",
    label: "outcome",
    values: ["granted", "refused"],
  });
  readonly errors = this.registry.counter({
    name: "tracker_errors_total",
    help: "Commits and requests that failed by a fault of this machine.",
  });
  readonly #commitSeconds = this.registry.histogram({
    name: "tracker_commit_duration_seconds",
    help: "Time of a commit, its sync included.",
    bounds: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1],
  });
  readonly #commitChanges = this.registry.histogram({
    name: "tracker_commit_changes",
    help: "Changes written by one commit.",
    bounds: [1, 4, 16, 64, 256, 1024, 4096],
  });
  readonly readers = this.registry.gauge({ name: "tracker_readers", help: "Readers of events." });
  readonly connections = this.registry.gauge({ name: "tracker_connections", help: "Open connections." });
  readonly sessions = this.registry.gauge({ name: "tracker_sessions", help: "Logins that last." });
  readonly peers = this.registry.gauges({
    name: "tracker_peers",
    help: "Peers that are known.",
    label: "state",
    values: ["present", "absent"],
  });
  readonly #process = new ProcessMetrics(this.registry);

  committed({ messages, changes, seconds }: Commit): void {
    this.messages.increment(messages);
    this.#commitSeconds.observe(seconds);
    this.#commitChanges.observe(changes);
  }

  /** All of them as text. @param now The gauges of this moment. */
  render(
    now: {
      readonly readers: number;
      readonly connections: number;
      readonly sessions: number;
      readonly peers: { readonly known: number; readonly online: number };
    },
  ): string {
    this.readers.set(now.readers);
    this.connections.set(now.connections);
    this.sessions.set(now.sessions);
    this.peers("present").set(now.peers.online);
    this.peers("absent").set(now.peers.known - now.peers.online);
    this.#process.refresh();
    return this.registry.render();
  }
}
