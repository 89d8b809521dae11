import type { QueueItem } from "../../protocols/http_ranges/queue_item.ts";
import type { DownloadState, RunningDownload } from "../../protocols/http_ranges/running_download.ts";

const MB = 1_000_000;
const SIZE = 4_200 * MB;
/** Where five connections began, stand, and are to stop. */
const LANES = [
  [0, 620, 900, 31],
  [900, 1710, 1800, 29],
  [1800, 2240, 2600, 33],
  [2760, 3010, 3400, 12],
  [3400, 3460, 4200, 30],
] as const;

/** A download that stands still in the middle, with five connections, until it is told to stop. */
export function stillDownload(item: QueueItem): RunningDownload {
  let state: DownloadState = { kind: "loading" };
  const { promise, resolve } = Promise.withResolvers<void>();
  const connections = LANES.map(([from, at, to, speed], lane) => ({
    lane,
    source: 0,
    from: from * MB,
    at: at * MB,
    to: to * MB,
    bytesPerSecond: speed * MB,
  }));
  const finished = [...connections.map(({ from, at }) => ({ from, to: at })), {
    from: 2600 * MB,
    to: 2760 * MB,
  }]
    .sort((a, b) => a.from - b.from);
  return {
    get state() {
      return state;
    },
    url: item.request.key,
    name: item.request.name ?? "debian-13.2.0-amd64-netinst-with-firmware.iso",
    size: SIZE,
    received: finished.reduce((sum, { from, to }) => sum + to - from, 0),
    connections,
    finished,
    problems: [],
    note: undefined,
    pause: () => {},
    resume: () => {},
    cancel() {
      state = { kind: "cancelled", kept: true };
      resolve();
    },
    ended: promise,
  };
}
