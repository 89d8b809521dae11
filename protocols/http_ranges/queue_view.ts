import { basename } from "@std/path";
import type { ByteRange } from "../../store/byte_ranges.ts";
import { type QueueItem, type ShownState, shownState } from "./queue_item.ts";
import { shortReason } from "./queue_rules.ts";
import type { RunningDownload } from "./running_download.ts";

/** One connection of a download: what it was asked for, and where in it it is. */
export interface LaneView {
  readonly lane: number;
  readonly from: number;
  readonly at: number;
  /** `null`: only the end of the file will tell. */
  readonly to: number | null;
  readonly bytesPerSecond: number;
}

/** An item of the queue as others may see it. */
export interface DownloadView {
  readonly id: number;
  /** Downloads begin in this order. */
  readonly place: number;
  readonly url: string;
  readonly state: ShownState;
  /** Of the whole file; `null`: not known. */
  readonly bytes: number | null;
  readonly received: number;
  /** Connections at this moment. */
  readonly threads: number;
  readonly bytesPerSecond: number;
  /** The file's name, once it is known. */
  readonly name?: string;
  /** Absolute; of one that is done. */
  readonly path?: string;
  readonly sha256?: string;
  readonly error?: string;
  /** RFC 3339. */
  readonly addedAt: string;
  readonly endedAt?: string;
  /** What each connection is at, of one that is under way. */
  readonly lanes?: readonly LaneView[];
  /** What is there of the file, from and up to but without, in order; of very many ranges the largest. */
  readonly finished?: readonly (readonly [from: number, to: number])[];
  /** Why nothing moves at the moment. */
  readonly note?: string;
}

/** More than a page can draw. */
const MOST_RANGES = 256;

/** @param running What is under way for it, if anything is. */
export function viewItem(item: QueueItem, running: RunningDownload | undefined): DownloadView {
  const { id, place, request, state, headway } = item;
  const given = running?.name ?? headway.name ?? request.name;
  const name = state.kind === "done" ? basename(state.path) : given;
  const lanes = running?.connections.map(viewLane) ?? [];
  return {
    id,
    place,
    url: request.url,
    state: shownState(item),
    bytes: running?.size ?? headway.size ?? null,
    received: running?.received ?? headway.received,
    threads: lanes.length,
    bytesPerSecond: lanes.reduce((sum, lane) => sum + lane.bytesPerSecond, 0),
    ...(name === undefined ? {} : { name }),
    ...(state.kind === "done" ? { path: state.path, sha256: state.sha256 } : {}),
    ...(state.kind === "failed" ? { error: state.reason } : {}),
    addedAt: time(item.addedAtMs),
    ...("atMs" in state ? { endedAt: time(state.atMs) } : {}),
    ...(running === undefined ? {} : { lanes, finished: largest(running.finished) }),
    ...(running?.note === undefined ? {} : { note: shortReason(running.note) }),
  };
}

function viewLane({ lane, from, at, to, bytesPerSecond }: RunningDownload["connections"][0]): LaneView {
  return { lane, from, at, to: to ?? null, bytesPerSecond: Math.round(bytesPerSecond) };
}

function largest(ranges: readonly ByteRange[]): readonly (readonly [number, number])[] {
  const kept = ranges.length <= MOST_RANGES
    ? ranges
    : ranges.toSorted((a, b) => (b.to - b.from) - (a.to - a.from)).slice(0, MOST_RANGES)
      .sort((a, b) => a.from - b.from);
  return kept.map(({ from, to }) => [from, to]);
}

function time(atMs: number): string {
  return new Date(atMs).toISOString();
}
