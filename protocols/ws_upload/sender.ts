/**
 * The sending side of one upload, as a core without I/O: it is told what happened and at what time,
 * and answers with what to do. The command line and the page run this same file, so it imports only
 * what a browser can load.
 */

import { backoffMs, type BackoffOptions } from "../../net/backoff.ts";
import { FlightWindow } from "./flight_window.ts";
import type { SenderAction, SenderEvent, SenderOptions, SenderState, Wish } from "./sender_state.ts";
import {
  DIGEST_MISMATCH,
  IN_USE,
  NOT_YOURS,
  type ServerMessage,
  type StartExtension,
} from "./server_messages.ts";

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
/** A server that was started again reads what it has once before it answers, at least so fast. */
const SLOWEST_RECOVERY_BYTES_PER_MS = 50_000;

/** What the sender and the server of the present connection have agreed upon. */
type Agreement =
  | { readonly kind: "plain" }
  | { readonly kind: "extended"; readonly ext: StartExtension; readonly window: FlightWindow };

/**
 * Drives one file to an upload server through lost connections, restarts of the server and the person's
 * wishes: with the extension if the server has it, as many frames at a time as the window allows, else
 * one chunk at a time.
 *
 * Guarantees: bytes are sent in order from the offset that the server states, and only behind bytes of
 * the same file; `complete` is sent behind the last of them, with their digest if the server can check
 * it; an end state is never left.
 */
export class UploadSender {
  #state: SenderState = { kind: "offline", retryAtMs: 0, reason: "" };
  #wish: Wish = "run";
  #agreement: Agreement = { kind: "plain" };
  #fileSize: number | undefined;
  #acknowledged = 0;
  #durable = 0;
  /** Extension: where the next read begins, and whether one is under way. */
  #next = 0;
  #isReading = false;
  /** Up to here the server's bytes are known to be this file's: they were checked, or sent from here. */
  #verified = 0;
  /** Extension: how often `complete` went out and was overtaken by a rewind; each is answered by an error. */
  #vainCompletes = 0;
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
    this.#fileSize = options.fileSize;
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

  /** Bytes that, it says, a loss of power can't take; 0 on a plain server, which does not say. */
  get durable(): number {
    return this.#durable;
  }

  /** Bytes of the file, once that is known. */
  get fileSize(): number | undefined {
    return this.#fileSize;
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
      case "bytes":
        return this.#bytesRead(event, nowMs);
      case "digest":
        return this.#digestKnown(event, nowMs);
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
    const { fileId, fileName, resumeToken } = this.#options;
    const fileSize = this.#options.fileSize ?? -1;
    const recoveryMs = Math.max(this.#acknowledged, fileSize) / SLOWEST_RECOVERY_BYTES_PER_MS;
    this.#state = { kind: "starting", deadlineMs: nowMs + REPLY_MS + recoveryMs };
    const ext = {
      version: 1,
      binary: true,
      crc32: true,
      ...(resumeToken === undefined ? {} : { resumeToken }),
    };
    return [send({ action: "start", fileId, fileName, fileSize, ext })];
  }

  #receive(message: ServerMessage, nowMs: number): SenderAction[] {
    if (message.fileId !== undefined && message.fileId !== this.#options.fileId) return [];
    switch (message.event) {
      case "start-ack":
        return this.#state.kind === "starting" ? this.#started(message, nowMs) : [];
      case "progress":
        this.#durable = Math.max(this.#durable, message.durable ?? 0);
        return this.#stored(message.offset, nowMs);
      case "offset-mismatch":
        return this.#isSending() || this.#isEnding() ? this.#rewind(message.expected, nowMs) : [];
      case "paused":
        return this.#state.kind === "sending" ? this.#heldByServer(nowMs) : [];
      case "pause-ack":
        if (this.#state.kind !== "pausing") return [];
        this.#holdAt(message.offset);
        this.#state = { kind: "paused" };
        return this.#wish === "pause" ? [] : this.#advance(nowMs);
      case "resume-ack":
        if (this.#state.kind !== "resuming") return [];
        this.#holdAt(message.offset);
        return this.#advance(nowMs);
      case "stop-ack":
        if (this.#state.kind === "clearing") return this.#start(nowMs);
        if (this.#state.kind !== "stopping") return [];
        return this.#end({ kind: "stopped", deleted: this.#state.deletes });
      case "complete-ack":
        if (this.#state.kind !== "completing") return [];
        this.#acknowledged = this.#fileSize ?? this.#acknowledged;
        return this.#end({ kind: "done", filePath: message.filePath });
      case "error":
        return this.#refused(message.error, nowMs);
    }
  }

  #started(
    { offset, ext }: { readonly offset: number; readonly ext?: StartExtension },
    nowMs: number,
  ): SenderAction[] {
    this.#everStarted = true;
    this.#vainCompletes = 0;
    this.#attempts = 0;
    this.#lostAtMs = undefined;
    this.#refusedAtMs = undefined;
    if (ext === undefined) return this.#startedPlain(offset, nowMs);
    const { maxWindowBytes = Infinity } = this.#options;
    const windowBytes = Math.max(Math.min(ext.windowBytes, maxWindowBytes), 1);
    const chunkBytes = Math.min(ext.chunkBytes, windowBytes);
    this.#agreement = { kind: "extended", ext, window: new FlightWindow({ windowBytes, chunkBytes }) };
    this.#durable = ext.durableOffset;
    if (offset > this.#verified && !this.#isToEnd()) {
      // Longer than the file is another file, whatever its digest.
      if (this.#fileSize === undefined || offset > this.#fileSize) return this.#clear(nowMs);
      this.#state = { kind: "verifying", offset, sha256: ext.prefixSha256 };
      return [{ type: "digest", length: offset }];
    }
    this.#acknowledged = this.#next = offset;
    return this.#advance(nowMs);
  }

  #startedPlain(offset: number, nowMs: number): SenderAction[] {
    this.#agreement = { kind: "plain" };
    if (this.#fileSize === undefined) {
      return this.#fail("This server has to know the size beforehand: write the data to a file first");
    }
    if (offset > this.#fileSize) {
      return this.#fail(`The server already has ${offset} bytes, more than the file's ${this.#fileSize}`);
    }
    this.#acknowledged = offset;
    return this.#advance(nowMs);
  }

  #digestKnown(
    digest: { readonly length: number; readonly sha256: string },
    nowMs: number,
  ): SenderAction[] {
    if (this.#state.kind === "hashing" && digest.length === this.#fileSize) {
      const { fileId, mtimeMs } = this.#options;
      this.#state = { kind: "completing", deadlineMs: nowMs + COMPLETE_REPLY_MS };
      const mtime = mtimeMs === undefined ? {} : { mtime: mtimeMs };
      const size = this.#options.fileSize === undefined ? { fileSize: this.#fileSize } : {};
      return [send({ action: "complete", fileId, sha256: digest.sha256, ...size, ...mtime })];
    }
    if (this.#state.kind !== "verifying" || digest.length !== this.#state.offset) return [];
    if (digest.sha256 !== this.#state.sha256) return this.#clear(nowMs);
    this.#acknowledged = this.#next = this.#verified = this.#state.offset;
    return this.#advance(nowMs);
  }

  /** What the server has is of another file, most often an earlier version of this one. */
  #clear(nowMs: number): SenderAction[] {
    if (++this.#setbacks > SETBACKS) return this.#fail("The server keeps bytes of another file");
    this.#state = { kind: "clearing", deadlineMs: nowMs + REPLY_MS };
    return [send({ action: "stop", fileId: this.#options.fileId, delete: true })];
  }

  #stored(offset: number, nowMs: number): SenderAction[] {
    const { state } = this;
    // A late answer: what it acknowledges was acknowledged since.
    if (!(this.#isSending() || this.#isEnding()) || offset <= this.#acknowledged) return [];
    const sent = state.kind === "sending" ? this.#acknowledged + state.length : this.#verified;
    if (offset > sent) return this.#fail(`The server acknowledged ${offset} bytes, more than were sent`);
    this.#acknowledged = offset;
    // After a rewind an earlier frame may still have arrived.
    this.#next = Math.max(this.#next, offset);
    this.#setbacks = 0;
    if (this.#agreement.kind === "extended") this.#agreement.window.acknowledged(offset, nowMs);
    return this.#isEnding() ? [] : this.#advance(nowMs);
  }

  #rewind(expected: number, nowMs: number): SenderAction[] {
    if (expected > (this.#fileSize ?? this.#next)) {
      return this.#fail(`The server expects byte ${expected} of ${this.#fileSize ?? this.#next}`);
    }
    if (++this.#setbacks > SETBACKS) return this.#fail("The server keeps asking for another offset");
    if (this.#state.kind === "completing") this.#vainCompletes++;
    this.#acknowledged = expected;
    this.#holdAt(expected);
    return this.#advance(nowMs);
  }

  /** Extension: nothing is under way any more, and sending goes on at the offset. */
  #holdAt(offset: number): void {
    if (this.#agreement.kind === "plain") return;
    this.#agreement.window.lost();
    this.#acknowledged = this.#next = offset;
  }

  #heldByServer(nowMs: number): SenderAction[] {
    if (++this.#setbacks > SETBACKS) return this.#fail("The server keeps the upload paused");
    this.#state = { kind: "paused" };
    return this.#advance(nowMs);
  }

  #refused(reason: string, nowMs: number): SenderAction[] {
    if (this.#state.kind === "stopping") return this.#end({ kind: "stopped", deleted: false });
    if (reason === DIGEST_MISMATCH || reason === NOT_YOURS) return this.#fail(reason);
    if (this.#state.kind === "starting") {
      this.#refusedAtMs ??= nowMs;
      if (reason !== IN_USE || nowMs - this.#refusedAtMs >= IN_USE_PATIENCE_MS) {
        return this.#fail(reason);
      }
      this.#state = { kind: "refused", retryAtMs: nowMs + IN_USE_RETRY_MS, reason };
      return [];
    }
    if (this.#vainCompletes > 0) {
      this.#vainCompletes--;
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

  #bytesRead(read: Extract<SenderEvent, { type: "bytes" }>, nowMs: number): SenderAction[] {
    this.#isReading = false;
    const { offset, bytes, isLast = false } = read;
    if (this.#state.kind !== "streaming" || this.#agreement.kind === "plain") return [];
    if (this.#wish !== "run" || offset !== this.#next) return this.#advance(nowMs);
    if (isLast) this.#fileSize = offset + bytes.length;
    if (bytes.length === 0) return this.#advance(nowMs);
    const { ext, window } = this.#agreement;
    this.#next += bytes.length;
    this.#verified = Math.max(this.#verified, this.#next);
    window.sent({ offset, end: this.#next }, nowMs);
    return [{ type: "frame", session: ext.session, offset, bytes }, ...this.#advance(nowMs)];
  }

  #wished(wish: Wish, nowMs: number): SenderAction[] {
    if (this.#isToEnd()) {
      // Nothing takes back an end; but who asks to quit after a stop does not want to wait for it.
      return wish === "quit" ? this.#end({ kind: "stopped", deleted: false }) : [];
    }
    this.#wish = wish;
    switch (this.#state.kind) {
      case "paused":
      case "streaming":
        return this.#advance(nowMs);
      case "verifying":
        // Whatever the digest turns out to be, which may take minutes.
        return this.#isToEnd() ? this.#advance(nowMs) : [];
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

  /** Does what comes next on a started upload. */
  #advance(nowMs: number): SenderAction[] {
    const { fileId } = this.#options;
    const deadlineMs = nowMs + REPLY_MS;
    if (this.#isToEnd()) {
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
    return this.#agreement.kind === "plain"
      ? this.#advancePlain(nowMs)
      : this.#stream(this.#agreement.window, nowMs);
  }

  #advancePlain(nowMs: number): SenderAction[] {
    const { fileId, chunkBytes } = this.#options;
    const left = (this.#fileSize ?? 0) - this.#acknowledged;
    if (left === 0) {
      this.#state = { kind: "completing", deadlineMs: nowMs + COMPLETE_REPLY_MS };
      return [send({ action: "complete", fileId })];
    }
    const length = Math.min(chunkBytes, left);
    this.#state = { kind: "reading", length };
    return [{ type: "read", offset: this.#acknowledged, length }];
  }

  /** Reads on as long as the window has room. */
  #stream(window: FlightWindow, nowMs: number): SenderAction[] {
    if (this.#next === this.#fileSize) {
      // Not waiting for the last acknowledgement saves a round trip: messages arrive in order, and a
      // server that has not all of it will say so.
      this.#state = { kind: "hashing" };
      return [{ type: "digest", length: this.#next }];
    }
    // The server acknowledges what it has at least every 50 ms, so that a piece is all there is to wait for.
    const patienceMs = REPLY_MS + window.chunkBytes / SLOWEST_BYTES_PER_MS;
    const deadlineMs = window.isEmpty ? undefined : nowMs + patienceMs;
    this.#state = { kind: "streaming", deadlineMs };
    const length = Math.min(window.chunkBytes, (this.#fileSize ?? Infinity) - this.#next);
    const isRoom = this.#next + length - this.#acknowledged <= window.windowBytes;
    if (this.#isReading || length === 0 || !isRoom) return [];
    this.#isReading = true;
    return [{ type: "read-bytes", offset: this.#next, length }];
  }

  #isToEnd(): boolean {
    return this.#wish === "stop" || this.#wish === "quit";
  }

  #isSending(): boolean {
    return this.#state.kind === "sending" || this.#state.kind === "streaming";
  }

  /** Extension: everything was sent, and may not have arrived. */
  #isEnding(): boolean {
    return this.#state.kind === "hashing" || this.#state.kind === "completing";
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
