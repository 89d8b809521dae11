import { EventLog, type LoggedEvent } from "../../net/event_log.ts";
import { EventStreams, type StreamEvent } from "./event_streams.ts";
import type { Exchange } from "./http_routes.ts";

/** Most readers of `/api/events` at a time. */
const MAX_READERS = 100;
const HEARTBEAT_MS = 15_000;
/** Events that a reader who was away can still get. */
const KEPT_EVENTS = 1000;

/** Something that is told to all who follow. */
export interface HubEvent {
  readonly type: string;
  readonly data: unknown;
}

/** `/api/events`: what happens, in one sequence, to any number of readers. */
export class EventHub {
  readonly #log = new EventLog<HubEvent>({
    capacity: KEPT_EVENTS,
    epoch: crypto.getRandomValues(new Uint8Array(6)).toHex(),
  });
  readonly #streams: EventStreams;

  /** @param snapshot All that there is at this moment, for a reader that is new or was away for too long. */
  constructor(snapshot: () => unknown) {
    this.#streams = new EventStreams({
      greet: (lastEventId) => {
        const id = this.#log.lastId;
        const all = { id, type: "snapshot", data: snapshot() };
        if (lastEventId === undefined) return [all];
        return this.#log.since(lastEventId)?.map(streamed) ?? [{ id, type: "reset", data: {} }, all];
      },
      maxReaders: MAX_READERS,
      heartbeatMs: HEARTBEAT_MS,
    });
  }

  publish(events: readonly HubEvent[]): void {
    this.#streams.send(events.map((event) => streamed(this.#log.append(event))));
  }

  /** @returns Whether there is room for one more reader; if not, nothing was answered. */
  follow(exchange: Exchange): boolean {
    return this.#streams.add(exchange);
  }

  /** Ends all streams. */
  close(): void {
    this.#streams.close();
  }
}

function streamed({ id, event }: LoggedEvent<HubEvent>): StreamEvent {
  return { id, type: event.type, data: event.data };
}
