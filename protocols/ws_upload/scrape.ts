import type { ReceiveMemory } from "../../net/receive_memory.ts";
import type { UploadStore } from "../../store/upload_store.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import type { Uploads } from "./uploads.ts";
import type { Connections } from "./web_sockets.ts";

/** Sets the gauges to this moment and renders all metrics. */
export async function scrape(
  { metrics, uploads, store, connections, memory }: {
    readonly metrics: UploadMetrics;
    readonly uploads: Uploads;
    readonly store: UploadStore;
    readonly connections: Connections;
    readonly memory: ReceiveMemory;
  },
): Promise<string> {
  const states = [...uploads.list()].map(({ state }) => state);
  for (const state of ["active", "paused", "orphaned"] as const) {
    metrics.sessions(state).set(states.filter((each) => each === state).length);
  }
  metrics.openSessions.set(uploads.openSessions);
  metrics.connections.set(connections.size);
  metrics.pausedSockets.set([...connections.keys()].filter(({ isReading }) => !isReading).length);
  metrics.queueBytes.set(memory.heldBytes);
  metrics.freeDiskBytes.set(await store.freeBytes().catch(() => NaN));
  metrics.process.refresh();
  return metrics.registry.render();
}
