import type { LoggedEvent } from "../../net/event_log.ts";
import { EventStreams, type StreamEvent } from "./event_streams.ts";
import type { Exchange } from "./http_routes.ts";
import { type FeedEvent, type FeedSnapshot, UploadFeed } from "./upload_feed.ts";
import type { UploadEvent } from "./upload_event.ts";
import type { Uploads } from "./uploads.ts";

/** Most readers of `/api/events` at a time. */
const MAX_READERS = 100;
const HEARTBEAT_MS = 15_000;

/** What others may see of the uploads: `/api/uploads` and `/api/events`. */
export interface ShareList {
  readonly snapshot: () => FeedSnapshot;
  /** @returns Whether there is room for one more reader; if not, nothing was answered. */
  readonly follow: (exchange: Exchange) => boolean;
  readonly onEvent: (event: UploadEvent) => void;
  /** Ends all streams. */
  readonly close: () => void;
}

/** Shares what happens to uploads. */
export function shareList(uploads: Uploads): ShareList {
  const epoch = crypto.getRandomValues(new Uint8Array(6)).toHex();
  const feed = new UploadFeed({ epoch, uploads: uploads.list() });
  const snapshot = () => feed.snapshot(uploads.list());
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const greet = (lastEventId: string | undefined): readonly StreamEvent[] => {
    const id = feed.events.lastId;
    const all = { id, type: "snapshot", data: snapshot() };
    if (lastEventId === undefined) return [all];
    return feed.events.since(lastEventId)?.map(streamed) ?? [{ id, type: "reset", data: {} }, all];
  };
  const streams = new EventStreams({ greet, maxReaders: MAX_READERS, heartbeatMs: HEARTBEAT_MS });

  const tell = (events: readonly LoggedEvent<FeedEvent>[]) => {
    streams.send(events.map(streamed));
    if (timer !== undefined || closed) return;
    const { dueAtMs } = feed;
    if (dueAtMs === undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      tell(feed.tick(now()));
    }, Math.max(0, dueAtMs - now()));
  };
  return {
    snapshot,
    follow: (exchange) => streams.add(exchange),
    onEvent: (event) => tell(feed.handle(event, now())),
    close() {
      closed = true;
      clearTimeout(timer);
      streams.close();
    },
  };
}

/** Milliseconds since 1970 that never go backwards, whatever is done to the system's clock. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

function streamed({ id, event }: LoggedEvent<FeedEvent>): StreamEvent {
  return { id, type: event.type, data: event.upload };
}
