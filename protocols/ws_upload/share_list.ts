import type { HubEvent } from "./event_hub.ts";
import { type FeedEvent, type FeedSnapshot, UploadFeed } from "./upload_feed.ts";
import type { UploadEvent } from "./upload_event.ts";
import type { Uploads } from "./uploads.ts";

/** What others may see of the uploads: `/api/uploads`, and their part of `/api/events`. */
export interface ShareList {
  readonly snapshot: () => FeedSnapshot;
  readonly onEvent: (event: UploadEvent) => void;
  /** Tells nothing more. */
  readonly close: () => void;
}

/** Shares what happens to uploads. */
export function shareList(
  uploads: Uploads,
  publish: (events: readonly HubEvent[]) => void,
): ShareList {
  const feed = new UploadFeed(uploads.list());
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const tell = (events: readonly FeedEvent[]) => {
    publish(events.map(({ type, upload }) => ({ type, data: upload })));
    if (timer !== undefined || closed) return;
    const { dueAtMs } = feed;
    if (dueAtMs === undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      tell(feed.tick(now()));
    }, Math.max(0, dueAtMs - now()));
  };
  return {
    snapshot: () => feed.snapshot(uploads.list()),
    onEvent: (event) => tell(feed.handle(event, now())),
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Milliseconds since 1970 that never go backwards, whatever is done to the system's clock. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
