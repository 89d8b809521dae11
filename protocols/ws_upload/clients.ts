import type { Peer } from "./receiving.ts";
import { CLOSE_TAKEN_OVER } from "./server_messages.ts";
import type { ConnectionId } from "./session_state.ts";

/** A client, and what its connection has said so far. */
export interface Client {
  readonly peer: Peer;
  /** Keys of uploads by the number that frames name them by. */
  readonly sessions: Map<number, string>;
  /** Completed uploads whose answer this client may have again. */
  readonly repeats: Set<string>;
}

/** Who asks when it is the server itself. */
export const NOBODY: Client = {
  peer: { send: () => {}, close: () => {}, isOpen: false, heardAtMs: 0 },
  sessions: new Map(),
  repeats: new Set(),
};

/** The clients that are connected. */
export class Clients {
  readonly #clients = new Map<ConnectionId, Client>();
  #last = 0;

  /** Takes up a client, until it is given to {@linkcode Clients.forget}. */
  connect(peer: Peer): ConnectionId {
    const id = ++this.#last;
    this.#clients.set(id, { peer, sessions: new Map(), repeats: new Set() });
    return id;
  }

  get(id: ConnectionId): Client | undefined {
    return this.#clients.get(id);
  }

  forget(id: ConnectionId): void {
    this.#clients.delete(id);
  }

  /** A connection has lost an upload to another one of the same client: there is nothing left to say on it. */
  evict(id: ConnectionId, fileId: string): void {
    const client = this.#clients.get(id);
    if (client !== undefined) forgetFrames(client, fileId);
    client?.peer.close(CLOSE_TAKEN_OVER, "Upload was taken over by another connection");
  }
}

/** Frames of an upload are late from here on; a client may start any number of uploads. */
export function forgetFrames({ sessions }: Client, fileId: string): void {
  for (const [session, id] of sessions) if (id === fileId) sessions.delete(session);
}
