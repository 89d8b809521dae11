/**
 * What a sender of uploads is told, what it answers, and where it can stand. Also loaded by the page, so it
 * imports only what a browser can load.
 */

import type { ServerMessage } from "./server_messages.ts";

/** What the person wants: run it, hold it, end it and delete the part, or end it and keep the part. */
export type Wish = "run" | "pause" | "stop" | "quit";

/** Whether a wish ends an upload. */
export function isToEnd(wish: Wish): boolean {
  return wish === "stop" || wish === "quit";
}

/** Where an upload stands. Times are on the clock that the caller passes in, in milliseconds. */
export type SenderState =
  /** No connection; the next attempt is due at `retryAtMs`. */
  | { readonly kind: "offline"; readonly retryAtMs: number; readonly reason: string }
  | { readonly kind: "connecting"; readonly deadlineMs: number }
  | { readonly kind: "starting"; readonly deadlineMs: number }
  /** Another connection owns the upload; `start` is repeated at `retryAtMs`. */
  | { readonly kind: "refused"; readonly retryAtMs: number; readonly reason: string }
  /** Waiting for the digest of what the server has: is it the beginning of this file? */
  | { readonly kind: "verifying"; readonly offset: number; readonly sha256: string }
  /** It is not: the server was asked to delete it. */
  | { readonly kind: "clearing"; readonly deadlineMs: number }
  /** Plain: waiting for the caller to read [acknowledged, acknowledged + length). */
  | { readonly kind: "reading"; readonly length: number }
  /** Plain: a chunk of `length` bytes is under way. */
  | { readonly kind: "sending"; readonly length: number; readonly deadlineMs: number }
  /** Extension: frames are under way as far as the window allows; without one there is no deadline. */
  | { readonly kind: "streaming"; readonly deadlineMs: number | undefined }
  | { readonly kind: "pausing"; readonly deadlineMs: number }
  | { readonly kind: "paused" }
  | { readonly kind: "resuming"; readonly deadlineMs: number }
  /** Waiting for the digest of the whole file. */
  | { readonly kind: "hashing" }
  | { readonly kind: "completing"; readonly deadlineMs: number }
  | { readonly kind: "stopping"; readonly deadlineMs: number; readonly deletes: boolean }
  /** Ends. */
  | { readonly kind: "done"; readonly filePath: string }
  | { readonly kind: "stopped"; readonly deleted: boolean }
  | { readonly kind: "failed"; readonly reason: string };

/** Whether an upload has come to an end, which is never left. */
export function hasEnded({ kind }: SenderState): boolean {
  return kind === "done" || kind === "stopped" || kind === "failed";
}

/** Whether the server knows nothing of the upload on this connection, or there is none. */
export function isUnstarted({ kind }: SenderState): boolean {
  return kind === "offline" || kind === "connecting" || kind === "starting" || kind === "refused";
}

/** Whether bytes are under way, or may be. */
export function isUnderWay(state: SenderState): boolean {
  return state.kind === "sending" || state.kind === "streaming" || isEnding(state);
}

/** Extension: whether everything was sent, and may not have arrived. */
export function isEnding({ kind }: SenderState): boolean {
  return kind === "hashing" || kind === "completing";
}

/** When the state is to be left if nothing happens; `undefined`: only an event can move the upload on. */
export function wakeAtMs(state: SenderState): number | undefined {
  if ("deadlineMs" in state) return state.deadlineMs;
  if ("retryAtMs" in state) return state.retryAtMs;
  return undefined;
}

/** What happened outside. */
export type SenderEvent =
  /** The connection that was asked for is open. */
  | { readonly type: "open" }
  /** It was lost, or could not be opened; `isFinal` when there is no use in trying again. */
  | { readonly type: "close"; readonly reason: string; readonly isFinal?: boolean }
  | { readonly type: "message"; readonly message: ServerMessage }
  /** The bytes asked for by `read`, in base64. */
  | { readonly type: "chunk"; readonly offset: number; readonly base64: string }
  /** The bytes asked for by `read-bytes`: at least one, unless the file ends there. */
  | {
    readonly type: "bytes";
    readonly offset: number;
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** Whether the file ends behind them. Needed only where its size was not known. */
    readonly isLast?: boolean;
  }
  /** The digest asked for by `digest`, in hexadecimal. */
  | { readonly type: "digest"; readonly length: number; readonly sha256: string }
  /** They could not be read; the upload fails. */
  | { readonly type: "unreadable"; readonly reason: string }
  | { readonly type: "wish"; readonly wish: Wish }
  /** {@linkcode UploadSender.wakeAtMs} has come. */
  | { readonly type: "tick" };

/** What the caller is to do, in order. */
export type SenderAction =
  | { readonly type: "connect" }
  /** Drop the connection, open or opening. No `close` is expected back, and one that comes is late. */
  | { readonly type: "disconnect" }
  | { readonly type: "send"; readonly text: string }
  /** Send a frame of these bytes, with the CRC-32 that is left to the caller. */
  | {
    readonly type: "frame";
    readonly session: number;
    readonly offset: number;
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  /** Read [offset, offset + length), answered by `chunk`, or by `bytes`. One is asked for at a time. */
  | { readonly type: "read" | "read-bytes"; readonly offset: number; readonly length: number }
  /** Compute the SHA-256 of the first `length` bytes, answered by `digest`. */
  | { readonly type: "digest"; readonly length: number };

/** Options of {@linkcode UploadSender}. */
export interface SenderOptions {
  /** The key under which the server finds the upload again. */
  readonly fileId: string;
  readonly fileName: string;
  /** Bytes; `undefined` when only its end will tell, which a plain server can't work with. */
  readonly fileSize: number | undefined;
  /** Bytes of the file in one message to a plain server. */
  readonly chunkBytes: number;
  /** Owns the upload on a server that speaks the extension: 128 random bits in base64url. */
  readonly resumeToken?: string | undefined;
  /**
   * The most that is under way to such a server, in bytes.
   *
   * @default What the server allows.
   */
  readonly maxWindowBytes?: number | undefined;
  /** When the file was last changed, in milliseconds since 1970; the server's copy gets the same time. */
  readonly mtimeMs?: number | undefined;
  /** A source of numbers in [0, 1), for jitter. */
  readonly random: () => number;
  /**
   * How long to go on without ever having reached the server, in milliseconds.
   *
   * @default 5000
   */
  readonly unreachableMs?: number;
  /**
   * How long to go on after a connection was lost, in milliseconds.
   *
   * @default 600000
   */
  readonly offlineMs?: number;
}
