/**
 * The sending side of one upload, as a core without I/O: it is told what happened and at what time,
 * and answers with what to do. The command line and the page run this same file, so it imports only
 * what a browser can load.
 */

import { Flight } from "./flight.ts";
import {
  COMPLETE_REPLY_MS,
  nextStep,
  plainProblem,
  REPLY_MS,
  sendBytes,
  sendChunk,
  type Standing,
  startStep,
  type Step,
} from "./next_step.ts";
import { completeMessage, send } from "./sender_messages.ts";
import { SenderPatience } from "./sender_patience.ts";
import {
  hasEnded,
  isEnding,
  isToEnd,
  isUnderWay,
  isUnstarted,
  type SenderAction,
  type SenderEvent,
  type SenderOptions,
  type SenderState,
  wakeAtMs,
  type Wish,
} from "./sender_state.ts";
import { DIGEST_MISMATCH, IN_USE, NOT_YOURS, type ServerMessage } from "./server_messages.ts";

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
  /** Extension: how often `complete` went out and was overtaken by a rewind; each is answered by an error. */
  #vainCompletes = 0;
  readonly #options: SenderOptions;
  readonly #flight: Flight;
  readonly #patience: SenderPatience;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#flight = new Flight(options.fileSize);
    this.#patience = new SenderPatience(options);
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
    return this.#flight.acknowledged;
  }

  /** Bytes that, it says, a loss of power can't take; 0 on a plain server, which does not say. */
  get durable(): number {
    return this.#flight.durable;
  }

  /** Bytes of the file, once that is known. */
  get fileSize(): number | undefined {
    return this.#flight.fileSize;
  }

  /** Whether the upload has come to an end. */
  get ended(): boolean {
    return hasEnded(this.#state);
  }

  /** When a `tick` is due; `undefined` when only an event can move the upload on. */
  get wakeAtMs(): number | undefined {
    return wakeAtMs(this.#state);
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
        return this.#take(sendChunk(this.#standing, event, nowMs));
      case "bytes":
        return this.#take(sendBytes(this.#standing, event, nowMs));
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
        this.#patience.isOffline(nowMs);
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
    if (this.#wish === "quit") return this.#leave();
    const retryAtMs = this.#patience.reconnectAtMs(nowMs);
    if (retryAtMs === undefined) return this.#fail(reason);
    this.#state = { kind: "offline", retryAtMs, reason };
    return [];
  }

  #start(nowMs: number): SenderAction[] {
    return this.#take(startStep(this.#standing, nowMs));
  }

  #receive(message: ServerMessage, nowMs: number): SenderAction[] {
    if (message.fileId !== undefined && message.fileId !== this.#options.fileId) return [];
    switch (message.event) {
      case "start-ack":
        return this.#state.kind === "starting" ? this.#started(message, nowMs) : [];
      case "progress":
        this.#flight.synced(message.durable ?? 0);
        return this.#stored(message.offset, nowMs);
      case "offset-mismatch":
        return isUnderWay(this.#state) ? this.#rewind(message.expected, nowMs) : [];
      case "paused":
        if (this.#state.kind !== "sending") return [];
        if (this.#patience.isTooMuch()) return this.#fail("The server keeps the upload paused");
        this.#state = { kind: "paused" };
        return this.#advance(nowMs);
      case "pause-ack":
        if (this.#state.kind !== "pausing") return [];
        this.#flight.hold(message.offset);
        this.#state = { kind: "paused" };
        return this.#wish === "pause" ? [] : this.#advance(nowMs);
      case "resume-ack":
        if (this.#state.kind !== "resuming") return [];
        this.#flight.hold(message.offset);
        return this.#advance(nowMs);
      case "stop-ack":
        if (this.#state.kind === "clearing") return this.#start(nowMs);
        if (this.#state.kind !== "stopping") return [];
        return this.#end({ kind: "stopped", deleted: this.#state.deletes });
      case "complete-ack":
        if (this.#state.kind !== "completing") return [];
        this.#flight.isWhole();
        return this.#end({ kind: "done", filePath: message.filePath });
      case "error":
        return this.#refused(message.error, nowMs);
    }
  }

  #started({ offset, ext }: Extract<ServerMessage, { event: "start-ack" }>, nowMs: number): SenderAction[] {
    this.#vainCompletes = 0;
    this.#patience.started();
    if (ext === undefined) {
      const problem = plainProblem(this.#flight, offset);
      if (problem !== undefined) return this.#fail(problem);
      this.#flight.agreePlain(offset);
      return this.#advance(nowMs);
    }
    this.#flight.agree(ext, { maxWindowBytes: this.#options.maxWindowBytes ?? Infinity });
    if (offset > this.#flight.verified && !isToEnd(this.#wish)) {
      // Longer than the file is another file, whatever its digest.
      if (offset > (this.fileSize ?? -1)) return this.#clear(nowMs);
      this.#state = { kind: "verifying", offset, sha256: ext.prefixSha256 };
      return [{ type: "digest", length: offset }];
    }
    this.#flight.goOnAt(offset);
    return this.#advance(nowMs);
  }

  #digestKnown(digest: Extract<SenderEvent, { type: "digest" }>, nowMs: number): SenderAction[] {
    if (this.#state.kind === "hashing" && digest.length === this.fileSize) {
      this.#state = { kind: "completing", deadlineMs: nowMs + COMPLETE_REPLY_MS };
      return [completeMessage(this.#options, { sha256: digest.sha256, fileSize: this.fileSize })];
    }
    if (this.#state.kind !== "verifying" || digest.length !== this.#state.offset) return [];
    if (digest.sha256 !== this.#state.sha256) return this.#clear(nowMs);
    this.#flight.verify(digest.length);
    this.#flight.goOnAt(digest.length);
    return this.#advance(nowMs);
  }

  /** What the server has is of another file, most often an earlier version of this one. */
  #clear(nowMs: number): SenderAction[] {
    if (this.#patience.isTooMuch()) return this.#fail("The server keeps bytes of another file");
    this.#state = { kind: "clearing", deadlineMs: nowMs + REPLY_MS };
    return [send({ action: "stop", fileId: this.#options.fileId, delete: true })];
  }

  #stored(offset: number, nowMs: number): SenderAction[] {
    const { state } = this;
    // A late answer: what it acknowledges was acknowledged since.
    if (!isUnderWay(state) || offset <= this.acknowledged) return [];
    const sent = state.kind === "sending" ? this.acknowledged + state.length : this.#flight.verified;
    if (offset > sent) return this.#fail(`The server acknowledged ${offset} bytes, more than were sent`);
    this.#flight.stored(offset, nowMs);
    this.#patience.stored();
    return isEnding(state) ? [] : this.#advance(nowMs);
  }

  #rewind(expected: number, nowMs: number): SenderAction[] {
    const most = this.fileSize ?? this.#flight.next;
    if (expected > most) return this.#fail(`The server expects byte ${expected} of ${most}`);
    if (this.#patience.isTooMuch()) return this.#fail("The server keeps asking for another offset");
    if (this.#state.kind === "completing") this.#vainCompletes++;
    this.#flight.rewind(expected);
    return this.#advance(nowMs);
  }

  #refused(reason: string, nowMs: number): SenderAction[] {
    if (this.#state.kind === "stopping") return this.#leave();
    if (reason === DIGEST_MISMATCH || reason === NOT_YOURS) return this.#fail(reason);
    if (this.#state.kind === "starting") {
      const retryAtMs = reason === IN_USE ? this.#patience.askAgainAtMs(nowMs) : undefined;
      if (retryAtMs === undefined) return this.#fail(reason);
      this.#state = { kind: "refused", retryAtMs, reason };
      return [];
    }
    if (this.#vainCompletes > 0) {
      this.#vainCompletes--;
      return [];
    }
    // Mid-way, most often because the server lost the session: `start` tells whether it can go on.
    if (this.#patience.isTooMuch()) return this.#fail(reason);
    return this.#start(nowMs);
  }

  #wished(wish: Wish, nowMs: number): SenderAction[] {
    const wasToEnd = isToEnd(this.#wish);
    if (!wasToEnd) this.#wish = wish;
    // Nothing takes back an end; but who asks to quit after a stop does not want to wait for it. And the server
    // pauses and keeps what it has when a connection goes, so without one there is nothing to ask.
    if (wasToEnd || isUnstarted(this.#state)) return wish === "quit" ? this.#leave() : [];
    const { kind } = this.#state;
    // An end does not wait for a digest, whatever it turns out to be: that may take minutes.
    const isNow = kind === "paused" || kind === "streaming" || (kind === "verifying" && isToEnd(this.#wish));
    return isNow ? this.#advance(nowMs) : [];
  }

  /** Does what comes next on a started upload. */
  #advance(nowMs: number): SenderAction[] {
    return this.#take(nextStep(this.#standing, nowMs));
  }

  #take({ state, actions }: Step): SenderAction[] {
    this.#state = state;
    return actions;
  }

  get #standing(): Standing {
    return { state: this.#state, wish: this.#wish, flight: this.#flight, options: this.#options };
  }

  /** The server keeps what it has. */
  #leave(): SenderAction[] {
    return this.#end({ kind: "stopped", deleted: false });
  }

  #fail(reason: string): SenderAction[] {
    return this.#end({ kind: "failed", reason });
  }

  #end(state: SenderState): SenderAction[] {
    this.#state = state;
    return [{ type: "disconnect" }];
  }
}
