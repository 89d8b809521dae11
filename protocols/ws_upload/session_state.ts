/** What the session of an upload is asked, what it answers, and where it can stand. */

import type { ServerMessage } from "./server_messages.ts";

/** Stands for one connection of a client. */
export type ConnectionId = number;

/** What a connection and the server have agreed upon for one upload. */
export type Mode =
  | { readonly kind: "plain" }
  | {
    readonly kind: "extended";
    /** Names the upload in the connection's frames. */
    readonly session: number;
    readonly chunkBytes: number;
    readonly windowBytes: number;
  };

/** What a client can ask of an upload that exists; data decoded and checked. */
export type SessionRequest =
  | {
    readonly action: "start";
    /** `undefined`: to be announced by `complete`. */
    readonly fileSize: number | undefined;
    readonly mode: Mode;
    /** What the client's token says about the upload. */
    readonly claim: "owner" | "stranger" | "unowned";
  }
  | { readonly action: "chunk"; readonly offset: number; readonly bytes: Uint8Array }
  | {
    readonly action: "frame";
    readonly offset: number;
    readonly bytes: Uint8Array;
    /** Whether the bytes are those that were sent. */
    readonly isIntact: boolean;
  }
  | { readonly action: "pause" | "resume" }
  | {
    readonly action: "complete";
    readonly fileSize?: number | undefined;
    readonly sha256?: string | undefined;
    /** When the client last changed the file, in milliseconds since 1970. */
    readonly mtime?: number | undefined;
  }
  | { readonly action: "stop"; readonly delete: boolean };

/** What is to be done about a request. */
export type Step =
  | { readonly type: "reply"; readonly message: ServerMessage }
  /** Nothing: an answer is under way that makes one to this needless. */
  | { readonly type: "drop" }
  /** Acknowledge the start; the connection named has lost the upload. */
  | { readonly type: "started"; readonly evicted: ConnectionId | undefined }
  /** Store the bytes, call `UploadSession.appended`, and send the progress that is due. */
  | { readonly type: "append"; readonly bytes: Uint8Array }
  /** Give the part its final name, then forget the session. */
  | { readonly type: "publish"; readonly sha256: string | undefined; readonly mtimeMs: number | undefined }
  /** Delete the part, then forget the session. */
  | { readonly type: "discard"; readonly message: ServerMessage }
  /** Close the part, which stays, and answer. */
  | { readonly type: "release"; readonly message: ServerMessage }
  /** The client breaks the rules: close its connection (RFC 6455 section 7.4.1). */
  | { readonly type: "close"; readonly code: number; readonly reason: string };

/** Where an upload stands between two messages. */
export type SessionState =
  /** `owner` is sending, or holds it back. */
  | {
    readonly kind: "active" | "paused";
    readonly owner: ConnectionId;
    readonly mode: Mode;
    readonly heardAtMs: number;
    /** A mismatch was sent, and everything until the offset it names is to be dropped. */
    readonly isResyncing: boolean;
  }
  /** Its connection is gone; whoever comes next, with the token if it has one, owns it. */
  | { readonly kind: "orphaned" };
