/** What the core of a connection on the server is told to keep to, and what it answers. Times are milliseconds. */

import type { GetRequest, ListRequest, RootRequest } from "./messages.ts";
import type { PlainRequest } from "./plain.ts";

/** How long a client may take. All in milliseconds. */
export interface ServingLimits {
  /** From the connection to the first byte: a person may read a plain client's list first. */
  readonly silentMs: number;
  /** From the connection to the end of hello and AUTH. */
  readonly handshakeMs: number;
  /** For the rest of what began like a hello. A plain client that sent it waits so long for its answer. */
  readonly restOfHelloMs: number;
  /** Between two whole frames, counted from the last answer. */
  readonly idleMs: number;
  /** Between two plain requests: existing clients keep connections while a person thinks. */
  readonly plainIdleMs: number;
}

export const SERVING_LIMITS: ServingLimits = {
  silentMs: 60_000,
  handshakeMs: 10_000,
  restOfHelloMs: 200,
  idleMs: 60_000,
  plainIdleMs: 600_000,
};

/** How many requests a client may have under way. More are not refused: they are read when it is their turn. */
export const MAX_REQUESTS = 256;

/** Options of {@linkcode ServingSession}. */
export interface ServingOptions {
  /** Now. */
  readonly nowMs: number;
  /** The server's nonce: 16 random bytes, new for every connection. */
  readonly nonce: Uint8Array;
  /** Without one, everybody is served. */
  readonly token: string | undefined;
  /** What a plain client is sent at once; see {@linkcode plainList}. */
  readonly plainList: Uint8Array;
  /** Default: {@linkcode SERVING_LIMITS}. */
  readonly limits?: ServingLimits | undefined;
}

/** Why a connection comes to its end. */
export type CloseCause =
  /** The client has no more requests. */
  | "done"
  /** Nothing came for too long. */
  | "silent"
  /** No token, or not the right one. */
  | "refused"
  /** The client breaks the protocol. */
  | "broken"
  /** The server goes down. */
  | "leaving";

/** What the caller is to do, in order, each before it asks for the next. */
export type ServingAction =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "list"; readonly request: number } & ListRequest
  | { readonly type: "get"; readonly request: number } & GetRequest
  | { readonly type: "root"; readonly request: number } & RootRequest
  /** A plain client's, answered without frames. */
  | { readonly type: "plain"; readonly asked: Exclude<PlainRequest, { kind: "invalid" }> }
  /**
   * Nothing follows. To be closed for writing first, and for good when the client has done the same or after
   * a moment: a socket that is closed with unread bytes takes back what it has sent (RFC 1122 section 4.2.2.13).
   */
  | { readonly type: "close"; readonly cause: CloseCause; readonly reason: string };
