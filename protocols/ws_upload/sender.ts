/**
 * The sending side of one upload, as a core without I/O: it is told what happened and at what time,
 * and answers with what to do. The command line and the page run this same file, so it imports only
 * what a browser can load.
 */

import { backoffMs, type BackoffOptions } from "../../net/backoff.ts";
import { IN_USE, type ServerMessage } from "./server_messages.ts";

/** What the person wants: run it, hold it, end it and delete the part, or end it and keep the part. */
export type Wish = "run" | "pause" | "stop" | "quit";

/** Where an upload stands. Times are on the clock that the caller passes in, in milliseconds. */
export type SenderState =
  /** No connection; the next attempt is due at `retryAtMs`. */
  | { readonly kind: "offline"; readonly retryAtMs: number; readonly reason: string }
  | { readonly kind: "connecting"; readonly deadlineMs: number }
  | { readonly kind: "starting"; readonly deadlineMs: number }
  /** Another connection owns the upload; `start` is repeated at `retryAtMs`. */
  | { readonly kind: "refused"; readonly retryAtMs: number; readonly reason: string }
  /** Waiting for the caller to read [acknowledged, acknowledged + length). */
  | { readonly kind: "reading"; readonly length: number }
  /** A chunk of `length` bytes is under way. */
  | { readonly kind: "sending"; readonly length: number; readonly deadlineMs: number }
  | { readonly kind: "pausing"; readonly deadlineMs: number }
  | { readonly kind: "paused" }
  | { readonly kind: "resuming"; readonly deadlineMs: number }
  | { readonly kind: "completing"; readonly deadlineMs: number }
  | { readonly kind: "stopping"; readonly deadlineMs: number; readonly deletes: boolean }
  /** Ends. */
  | { readonly kind: "done"; readonly filePath: string }
  | { readonly kind: "stopped"; readonly deleted: boolean }
  | { readonly kind: "failed"; readonly reason: string };

/** What happened outside. */
export type SenderEvent =
  /** The connection that was asked for is open. */
  | { readonly type: "open" }
  /** It was lost, or could not be opened; `isFinal` when there is no use in trying again. */
  | { readonly type: "close"; readonly reason: string; readonly isFinal?: boolean }
  | { readonly type: "message"; readonly message: ServerMessage }
  /** The bytes asked for by `read`, in base64. */
  | { readonly type: "chunk"; readonly offset: number; readonly base64: string }
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
  | { readonly type: "read"; readonly offset: number; readonly length: number };

/** Options of {@linkcode UploadSender}. */
export interface SenderOptions {
  /** The key under which the server finds the upload again. */
  readonly fileId: string;
  readonly fileName: string;
  /** Bytes. */
  readonly fileSize: number;
  /** Bytes of the file in one message. */
  readonly chunkBytes: number;
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

/** Retries after a lost connection. */
const RECONNECT: Omit<BackoffOptions, "random"> = { baseMs: 500, capMs: 15_000 };
/** A plain server lets go of a silent connection after 10 s; ask for a little longer than that. */
const IN_USE_PATIENCE_MS = 20_000;
const IN_USE_RETRY_MS = 1_000;
/** An answer that needs no transfer. Finishing a file may wait for its data to reach the disk. */
const REPLY_MS = 20_000;
const COMPLETE_REPLY_MS = 300_000;
/** The slowest link that is still served, in bytes a millisecond: a chunk's deadline grows with it. */
const SLOWEST_BYTES_PER_MS = 4;
/** Errors and mismatches in a row, with no byte stored between them, before giving up. */
const SETBACKS = 5;

/**
 * Drives one file to a plain upload server, one chunk at a time, through lost connections, restarts of
 * the server and the person's wishes.
 *
 * Guarantees: the bytes of a file are sent in order from the offset that the server states;
 * `complete` is sent only when the server has acknowledged them all; an end state is never left.
 */
export class UploadSender {
  #state: SenderState = { kind: "offline", retryAtMs: 0, reason: "" };
  #wish: Wish = "run";
  #acknowledged = 0;
  /** Connection attempts since the last one that reached a `start-ack`. */
  #attempts = 0;
  #setbacks = 0;
  /** Since when the server has been out of reach, and since when it has refused `start`. */
  #lostAtMs: number | undefined;
  #refusedAtMs: number | undefined;
  #everStarted = false;
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Where the upload stands. */
  get state(): SenderState {
    return this.#state;
  }

  /** What the person asked for last. */
  get wish(): Wish {
    return this.#wish;
  }

  /** Bytes that the server says it has. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Whether the upload has come to an end. */
  get ended(): boolean {
    const { kind } = this.#state;
    return kind === "done" || kind === "stopped" || kind === "failed";
  }

  /** When a `tick` is due; `undefined` when only an event can move the upload on. */
  get wakeAtMs(): number | undefined {
    if ("deadlineMs" in this.#state) return this.#state.deadlineMs;
    if ("retryAtMs" in this.#state) return this.#state.retryAtMs;
    return undefined;
  }

  /** Takes one event. A new sender is set going with a `tick`. */
  handle(event: SenderEvent, nowMs: number): SenderAction[] {
    if (this.ended) return [];
    switch (event.type) {
      case "open":
        return this.#state.kind === "connecting" ? this.#start(nowMs) : [];
      case "close":
        return event.isFinal === true ? this.#fail(event.reason) : this.#lost(event.reason, nowMs);
      case "message":
        return this.#receive(event.message, nowMs);
      case "chunk":
        return this.#chunkRead(event, nowMs);
      case "unreadable":
        return this.#fail(event.reason);
      case "wish":
        return this.#wished(event.wish, nowMs);
      case "tick":
        return this.#tick(nowMs);
    }
  }

  #tick(nowMs: number): SenderAction[] {
    if (this.wakeAtMs === undefined || nowMs < this.wakeAtMs) return [];
    switch (this.#state.kind) {
      case "offline":
        this.#lostAtMs ??= nowMs;
        this.#state = { kind: "connecting", deadlineMs: nowMs + REPLY_MS };
        return [{ type: "connect" }];
      case "refused":
        return this.#start(nowMs);
      default:
        return [{ type: "disconnect" }, ...this.#lost("The server does not answer", nowMs)];
    }
  }

  #lost(reason: string, nowMs: number): SenderAction[] {
    if (this.#state.kind === "offline") return [];
    if (this.#wish === "quit") return this.#end({ kind: "stopped", deleted: false });
    this.#lostAtMs ??= nowMs;
    const { unreachableMs = 5_000, offlineMs = 600_000, random } = this.#options;
    const patienceMs = this.#everStarted ? offlineMs : unreachableMs;
    if (nowMs - this.#lostAtMs >= patienceMs) return this.#fail(reason);
    const delayMs = backoffMs(this.#attempts++, { ...RECONNECT, random });
    this.#state = { kind: "offline", retryAtMs: nowMs + delayMs, reason };
    return [];
  }

  #start(nowMs: number): SenderAction[] {
    const { fileId, fileName, fileSize } = this.#options;
    this.#state = { kind: "starting", deadlineMs: nowMs + REPLY_MS };
    return [send({ action: "start", fileId, fileName, fileSize })];
  }

  #receive(message: ServerMessage, nowMs: number): SenderAction[] {
    if (message.fileId !== undefined && message.fileId !== this.#options.fileId) return [];
    switch (message.event) {
      case "start-ack":
        return this.#state.kind === "starting" ? this.#started(message.offset, nowMs) : [];
      case "progress":
        return this.#stored(message.offset, nowMs);
      case "offset-mismatch":
        return this.#state.kind === "sending" ? this.#rewind(message.expected, nowMs) : [];
      case "paused":
        return this.#state.kind === "sending" ? this.#heldByServer(nowMs) : [];
      case "pause-ack":
        if (this.#state.kind !== "pausing") return [];
        this.#state = { kind: "paused" };
        return this.#wish === "pause" ? [] : this.#advance(nowMs);
      case "resume-ack":
        return this.#state.kind === "resuming" ? this.#advance(nowMs) : [];
      case "stop-ack":
        if (this.#state.kind !== "stopping") return [];
        return this.#end({ kind: "stopped", deleted: this.#state.deletes });
      case "complete-ack":
        if (this.#state.kind !== "completing") return [];
        return this.#end({ kind: "done", filePath: message.filePath });
      case "error":
        return this.#refused(message.error, nowMs);
    }
  }

  #started(offset: number, nowMs: number): SenderAction[] {
    const { fileSize } = this.#options;
    if (offset > fileSize) {
      return this.#fail(`The server already has ${offset} bytes, more than the file's ${fileSize}`);
    }
    this.#everStarted = true;
    this.#attempts = 0;
    this.#lostAtMs = undefined;
    this.#refusedAtMs = undefined;
    this.#acknowledged = offset;
    return this.#advance(nowMs);
  }

  #stored(offset: number, nowMs: number): SenderAction[] {
    // A late answer: what it acknowledges was acknowledged since.
    if (this.#state.kind !== "sending" || offset <= this.#acknowledged) return [];
    if (offset > this.#acknowledged + this.#state.length) {
      return this.#fail(`The server acknowledged ${offset} bytes, more than were sent`);
    }
    this.#acknowledged = offset;
    this.#setbacks = 0;
    return this.#advance(nowMs);
  }

  #rewind(expected: number, nowMs: number): SenderAction[] {
    if (expected > this.#options.fileSize) {
      return this.#fail(`The server expects byte ${expected} of ${this.#options.fileSize}`);
    }
    if (++this.#setbacks > SETBACKS) return this.#fail("The server keeps asking for another offset");
    this.#acknowledged = expected;
    return this.#advance(nowMs);
  }

  #heldByServer(nowMs: number): SenderAction[] {
    if (++this.#setbacks > SETBACKS) return this.#fail("The server keeps the upload paused");
    this.#state = { kind: "paused" };
    return this.#advance(nowMs);
  }

  #refused(reason: string, nowMs: number): SenderAction[] {
    if (this.#state.kind === "stopping") return this.#end({ kind: "stopped", deleted: false });
    if (this.#state.kind === "starting") {
      this.#refusedAtMs ??= nowMs;
      if (reason !== IN_USE || nowMs - this.#refusedAtMs >= IN_USE_PATIENCE_MS) {
        return this.#fail(reason);
      }
      this.#state = { kind: "refused", retryAtMs: nowMs + IN_USE_RETRY_MS, reason };
      return [];
    }
    // Mid-way, most often because the server lost the session: `start` tells whether it can go on.
    if (++this.#setbacks > SETBACKS) return this.#fail(reason);
    return this.#start(nowMs);
  }

  #chunkRead(chunk: { readonly offset: number; readonly base64: string }, nowMs: number): SenderAction[] {
    if (this.#state.kind !== "reading" || chunk.offset !== this.#acknowledged) return [];
    if (this.#wish !== "run") return this.#advance(nowMs);
    const { length } = this.#state;
    const deadlineMs = nowMs + REPLY_MS + length / SLOWEST_BYTES_PER_MS;
    this.#state = { kind: "sending", length, deadlineMs };
    return [{ type: "send", text: chunkMessage(this.#options.fileId, chunk) }];
  }

  #wished(wish: Wish, nowMs: number): SenderAction[] {
    if (this.#wish === "stop" || this.#wish === "quit") {
      // Nothing takes back an end; but who asks to quit after a stop does not want to wait for it.
      return wish === "quit" ? this.#end({ kind: "stopped", deleted: false }) : [];
    }
    this.#wish = wish;
    switch (this.#state.kind) {
      case "paused":
        return this.#advance(nowMs);
      case "offline":
      case "connecting":
      case "starting":
      case "refused":
        // The server pauses and keeps what it has when a connection goes, so there is nothing to ask.
        return wish === "quit" ? this.#end({ kind: "stopped", deleted: false }) : [];
      default:
        return [];
    }
  }

  /** Sends what comes next on a started upload. */
  #advance(nowMs: number): SenderAction[] {
    const { fileId, fileSize, chunkBytes } = this.#options;
    const deadlineMs = nowMs + REPLY_MS;
    if (this.#wish === "stop" || this.#wish === "quit") {
      const deletes = this.#wish === "stop";
      this.#state = { kind: "stopping", deadlineMs, deletes };
      return [send({ action: "stop", fileId, delete: deletes })];
    }
    if (this.#wish === "pause") {
      if (this.#state.kind === "paused") return [];
      this.#state = { kind: "pausing", deadlineMs };
      return [send({ action: "pause", fileId })];
    }
    if (this.#state.kind === "paused") {
      this.#state = { kind: "resuming", deadlineMs };
      return [send({ action: "resume", fileId })];
    }
    if (this.#acknowledged === fileSize) {
      this.#state = { kind: "completing", deadlineMs: nowMs + COMPLETE_REPLY_MS };
      return [send({ action: "complete", fileId })];
    }
    const length = Math.min(chunkBytes, fileSize - this.#acknowledged);
    this.#state = { kind: "reading", length };
    return [{ type: "read", offset: this.#acknowledged, length }];
  }

  #fail(reason: string): SenderAction[] {
    return this.#end({ kind: "failed", reason });
  }

  #end(state: SenderState): SenderAction[] {
    this.#state = state;
    return [{ type: "disconnect" }];
  }
}

function send(message: Readonly<Record<string, unknown>>): SenderAction {
  return { type: "send", text: JSON.stringify(message) };
}

/** Put together by hand: base64 needs no escaping, and looking for it costs as much as sending. */
function chunkMessage(fileId: string, chunk: { readonly offset: number; readonly base64: string }): string {
  return `{"action":"chunk","fileId":${
    JSON.stringify(fileId)
  },"offset":${chunk.offset},"data":"${chunk.base64}"}`;
}
