import {
  type DownloadRequest,
  type Headway,
  isOver,
  type ItemState,
  type Outcome,
  type QueueItem,
  shownState,
} from "./queue_item.ts";

/** Of an item of which nothing is there. */
export const NO_HEADWAY: Headway = { name: undefined, size: undefined, received: 0 };

/** What a person can ask of an item. */
export type Wish = "pause" | "resume" | "retry" | "cancel" | "forget";

/** From which states a wish can be granted. */
const GRANTED = {
  pause: ["queued", "active"],
  resume: ["paused"],
  retry: ["failed", "cancelled"],
  cancel: ["queued", "active", "paused"],
  forget: ["done", "failed", "cancelled"],
} as const satisfies Record<Wish, readonly string[]>;

/** Whether the state of an item allows a wish. */
export function isGranted(item: QueueItem, wish: Wish): boolean {
  const states: readonly string[] = GRANTED[wish];
  // One that still stops can't be forgotten yet.
  return states.includes(shownState(item)) && (wish !== "forget" || isOver(item.state));
}

/** Longest reason that is kept and shown, in UTF-16 units. */
const REASON_MOST = 500;

/** A reason as far as people read it: some quote what a server sent, which may be 64 KiB. */
export function shortReason(reason: string): string {
  return reason.length <= REASON_MOST ? reason : `${reason.slice(0, REASON_MOST - 1).toWellFormed()}…`;
}

/** Whether `mine` is what is asked for by `wanted`. */
export function isSame(mine: DownloadRequest, wanted: DownloadRequest): boolean {
  const isAsWanted = (name: string | undefined, other: string | undefined) =>
    other === undefined || name === other;
  return isAsWanted(mine.name, wanted.name) && isAsWanted(mine.sha256, wanted.sha256);
}

/** Whether what one of two items of a URL has left may be what the other goes on with. */
export function mayShareParts(one: QueueItem, other: QueueItem): boolean {
  const [name, otherName] = [partName(one), partName(other)];
  return name === undefined || otherName === undefined || name === otherName;
}

/** The name that the part of an item was made for, as far as it is known. */
export function partName({ request, headway }: QueueItem): string | undefined {
  return request.name ?? headway.name;
}

/** An item whose download is no longer under way; `then` is what it was asked to become. */
export function afterEnd(
  item: QueueItem,
  outcome: Outcome,
  { then, atMs }: {
    readonly then: Extract<ItemState, { kind: "active" }>["then"];
    readonly atMs: number;
  },
): QueueItem {
  if (outcome.kind === "done") {
    const { path, bytes, sha256 } = outcome;
    const headway = { ...item.headway, size: bytes, received: bytes };
    return { ...item, headway, state: { kind: "done", path, sha256, atMs } };
  }
  if (then === "cancelled") return cancelled(item, atMs);
  if (then === "anew") return { ...item, state: { kind: "queued" }, headway: NO_HEADWAY };
  if (outcome.kind === "failed" && then === undefined) {
    return { ...item, state: { kind: "failed", reason: outcome.reason, atMs } };
  }
  return { ...item, state: { kind: then ?? "queued" } };
}

/** An item of which nothing is kept. */
export function cancelled(item: QueueItem, atMs: number): QueueItem {
  return { ...item, state: { kind: "cancelled", atMs }, headway: { ...item.headway, received: 0 } };
}
