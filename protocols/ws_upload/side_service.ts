import type { HubEvent } from "./event_hub.ts";
import type { Exchange } from "./http_routes.ts";

/**
 * What is served on the same port beside uploads: commands in text messages of the same WebSockets,
 * further paths, and a part of `/api/events`.
 */
export interface SideService {
  /** A client has connected. */
  readonly connect: (client: TextClient) => TextSession;
  /** What answers the path of a URL, behind the token; `undefined`: nothing does. It looks at the method. */
  readonly route: (path: string) => ((exchange: Exchange) => Promise<void>) | undefined;
  /** Its part of what a new reader of `/api/events` gets first. */
  readonly snapshot: () => Readonly<Record<string, unknown>>;
  /** Its metrics of this moment, in Prometheus' text format. */
  readonly scrape: () => string;
  /** Has its events told to all readers from now on. */
  readonly follow: (publish: (events: readonly HubEvent[]) => void) => void;
  /** Lets go of its clients, and ends its work so that it can be taken up again. */
  readonly close: () => Promise<void>;
}

/** The other end of a WebSocket, as far as texts go. */
export interface TextClient {
  /** Settles when the text has left, or the client is gone. */
  readonly send: (text: string) => Promise<void>;
}

/** What takes the texts of one client. */
export interface TextSession {
  /** Takes a message that is no JSON object. Settles when the next one may come. */
  readonly message: (text: string) => Promise<void>;
  /** The client is gone. */
  readonly close: () => void;
}
