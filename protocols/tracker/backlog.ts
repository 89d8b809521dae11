import { setImmediate } from "node:timers";
import { covers, type Feed, FeedEvent, type Listener, messageEvent, type Subscription } from "./feed.ts";
import type { History } from "./history.ts";

/** Messages that are looked at in one go for a reader that was away: about 1 ms. */
const PAGE = 200;

/** Where a reader gets its events from. */
export interface EventSource {
  readonly feed: Feed;
  readonly history: History;
  /** The newest id of all that was committed. */
  readonly lastId: number;
}

/** A reader of events. */
export interface Reader extends Subscription {
  /** The last id that it has seen; `undefined`: it wants what happens from now on. */
  readonly since: number | undefined;
  readonly send: Listener;
  /** Settles when the reader has room for more, or is gone. */
  readonly drained: () => Promise<void>;
  readonly isGone: () => boolean;
}

/**
 * Tells a reader what it missed, in order, and then what happens. No message is left out between the two, and
 * none is told twice: messages that come while it catches up are in the store already, where they are read when
 * their turn has come.
 *
 * @returns Ends it.
 */
export function follow(source: EventSource, reader: Reader): () => void {
  const { feed, history } = source;
  const { send } = reader;
  const { since } = reader;
  let isLive = since === undefined;
  const end = feed.follow(reader, (event) => {
    if (isLive || event.id === undefined) send(event);
  });
  const oldestId = history.oldestId ?? 0;
  if (since !== undefined && since + 1 < oldestId) {
    send(new FeedEvent("gap", JSON.stringify({ oldest_id: oldestId })));
  }
  send(new FeedEvent("ready", JSON.stringify({ last_id: source.lastId })));
  // An id that was never given out is of another tracker, or of one that lost its disk: nothing comes after it.
  if (since !== undefined) void catchUp(history, reader, Math.min(since, source.lastId), () => isLive = true);
  return end;
}

/** @param onDone Called in the same turn as the last read, so that no commit comes between them. */
async function catchUp(history: History, reader: Reader, seen: number, onDone: () => void): Promise<void> {
  for (let at = seen; !reader.isGone();) {
    const messages = history.after(at, PAGE);
    for (const message of messages) if (covers(reader, message)) reader.send(messageEvent(message));
    at = messages.at(-1)?.id ?? at;
    if (messages.length < PAGE) return onDone();
    // Others have their turn, also when this reader wants none of it.
    await new Promise((resolve) => setImmediate(resolve));
    await reader.drained();
  }
}
