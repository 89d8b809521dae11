/**
 * The receiving side of one upload, as a core without I/O. It is asked what to do about a message,
 * does no more than decide, and is told how it went.
 */

import { IN_USE, NOT_YOURS, type ServerMessage } from "./server_messages.ts";
import type { ConnectionId, Mode, SessionRequest, SessionState, Step } from "./session_state.ts";

type OwnedState = Exclude<SessionState, { readonly kind: "orphaned" }>;

/**
 * For how long a connection that is open but silent keeps a plain upload to itself, in milliseconds.
 * After a network change the old connection may look alive for minutes, and its client is already back.
 */
export const TAKE_OVER_MS = 10_000;
/** The longest that stored bytes stay without being acknowledged, in milliseconds. */
export const REPORT_MS = 50;
/** So many of them are acknowledged at once: a quarter of the window that a client begins with. */
const REPORT_BYTES = 1024 * 1024;

/** The state and rules of one upload on the server. Times are on the clock the caller passes in. */
export class UploadSession {
  readonly fileId: string;
  /** Bytes announced; `undefined` as long as the client does not know. */
  readonly fileSize: number | undefined;
  #length: number;
  #state: SessionState = { kind: "orphaned" };
  /** The last progress sent: the upload's length, what of it was durable, and when. */
  #reported = { length: 0, durable: 0, atMs: 0 };
  /** The most that its owner was told is stored: a roll back does not call back what it has sent since. */
  #mostTold = 0;

  constructor(
    upload: {
      readonly fileId: string;
      readonly fileSize: number | undefined;
      readonly length: number;
    },
  ) {
    this.fileId = upload.fileId;
    this.fileSize = upload.fileSize;
    this.#length = upload.length;
  }

  /** Where the upload stands. */
  get state(): SessionState {
    return this.#state;
  }

  /** The connection that the upload belongs to, if any. */
  get owner(): ConnectionId | undefined {
    return this.#state.kind === "orphaned" ? undefined : this.#state.owner;
  }

  /** How its owner speaks. */
  get mode(): Mode {
    return this.#state.kind === "orphaned" ? { kind: "plain" } : this.#state.mode;
  }

  /** Bytes stored. */
  get length(): number {
    return this.#length;
  }

  /** Decides what to do about a request from a connection. */
  request(request: SessionRequest, from: ConnectionId, nowMs: number): Step {
    if (request.action === "start") return this.#start(request, from, nowMs);
    const state = this.#ownedBy(from, nowMs);
    if (state === undefined) return request.action === "frame" ? { type: "drop" } : this.refusal(IN_USE);
    switch (request.action) {
      case "chunk":
        return this.#chunk(request, state);
      case "frame":
        return this.#frame(request, state);
      case "pause":
        this.#state = { ...state, kind: "paused", isResyncing: false };
        return { type: "release", message: this.#at("pause-ack") };
      case "resume":
        this.#state = { ...state, kind: "active", isResyncing: false };
        return { type: "reply", message: this.#at("resume-ack") };
      case "stop":
        this.#state = { kind: "orphaned" };
        return {
          type: request.delete ? "discard" : "release",
          message: { event: "stop-ack", fileId: this.fileId },
        };
      case "complete":
        return this.#complete(request);
    }
  }

  /** Bytes of its owner have arrived, if only a part of a message. */
  heard(from: ConnectionId, nowMs: number): void {
    if (this.#state.kind !== "orphaned" && this.#state.owner === from) {
      this.#state = { ...this.#state, heardAtMs: nowMs };
    }
  }

  /** The bytes of an `append` are stored. */
  appended(length: number): void {
    this.#length += length;
  }

  /** Storing failed, and the part has `length` bytes now: fewer than it had, if synced ones were lost. */
  rolledBack(length: number): void {
    this.#length = length;
    this.#reported = { ...this.#reported, length: Math.min(length, this.#reported.length) };
    if (this.#state.kind !== "orphaned") this.#state = { ...this.#state, isResyncing: false };
  }

  /**
   * The progress to send now, if any. A plain client gets one for each chunk. With the extension it is
   * cumulative: at once after {@linkcode REPORT_BYTES} or when the file is whole, else after
   * {@linkcode REPORT_MS}; then the caller asks again.
   *
   * @param durable Bytes that a loss of power can't take.
   */
  progress(durable: number, nowMs: number): ServerMessage | undefined {
    const { mode } = this;
    const unreported = this.#length - this.#reported.length;
    if (mode.kind === "extended") {
      const isDue = unreported >= Math.min(REPORT_BYTES, mode.windowBytes / 4) ||
        nowMs - this.#reported.atMs >= REPORT_MS || this.#length === this.fileSize;
      const isNews = unreported > 0 || durable > this.#reported.durable;
      if (!isDue || !isNews) return undefined;
    }
    this.#reported = { ...this.#reported, durable, atMs: nowMs };
    this.#tellLength();
    return {
      event: "progress",
      fileId: this.fileId,
      offset: this.#length,
      receivedBytes: unreported,
      percent: percentOf(this.#length, this.fileSize),
      ...(mode.kind === "extended" ? { durable } : {}),
    };
  }

  /**
   * A connection is gone.
   *
   * @returns Whether the upload was its own.
   */
  disconnected(connection: ConnectionId): boolean {
    if (this.owner !== connection) return false;
    this.#state = { kind: "orphaned" };
    return true;
  }

  /** The answer to what can't be done; nothing changes by it. */
  refusal(error: string): Step {
    return { type: "reply", message: { event: "error", fileId: this.fileId, error } };
  }

  /** The state when the upload is the connection's; an orphan becomes its own, paused. */
  #ownedBy(from: ConnectionId, nowMs: number): OwnedState | undefined {
    if (this.#state.kind === "orphaned") {
      const mode = { kind: "plain" } as const;
      return this.#state = { kind: "paused", owner: from, mode, heardAtMs: nowMs, isResyncing: false };
    }
    if (this.#state.owner !== from) return undefined;
    return this.#state = { ...this.#state, heardAtMs: nowMs };
  }

  #start(
    { fileSize, mode, claim }: Extract<SessionRequest, { action: "start" }>,
    from: ConnectionId,
    nowMs: number,
  ): Step {
    // Before anything that would tell of its state.
    if (claim === "stranger") return this.refusal(NOT_YOURS);
    const isTaken = this.#state.kind !== "orphaned" && this.#state.owner !== from;
    const isSilent = this.#state.kind !== "orphaned" && nowMs - this.#state.heardAtMs >= TAKE_OVER_MS;
    if (isTaken && claim !== "owner" && !isSilent) return this.refusal(IN_USE);
    if (fileSize !== this.fileSize) {
      return this.refusal(
        `Upload was started with fileSize ${this.fileSize ?? -1}, not ${fileSize ?? -1}: ` +
          "stop it, or use another fileId",
      );
    }
    const evicted = isTaken ? this.owner : undefined;
    this.#state = { kind: "active", owner: from, mode, heardAtMs: nowMs, isResyncing: false };
    this.#reported = { ...this.#reported, atMs: nowMs };
    this.#mostTold = 0;
    this.#tellLength();
    return { type: "started", evicted };
  }

  #chunk(chunk: Extract<SessionRequest, { action: "chunk" }>, state: OwnedState): Step {
    if (state.kind !== "active") return { type: "reply", message: this.#at("paused") };
    if (chunk.offset !== this.#length) return this.#mismatch(chunk.offset);
    return this.#append(chunk.bytes);
  }

  #frame(frame: Extract<SessionRequest, { action: "frame" }>, state: OwnedState): Step {
    const { mode } = state;
    const end = frame.offset + frame.bytes.length;
    if (mode.kind !== "extended") return this.refusal("Frames need the extension: offer it in start");
    const limit = this.#mostTold + mode.windowBytes + mode.chunkBytes;
    if (end > limit) return { type: "close", code: 1009, reason: "More than the window is under way" };
    // What was under way when the pause was asked for; the client sends it again from the offset of the ack.
    if (state.kind === "paused") return { type: "drop" };
    const isExpected = frame.offset === this.#length;
    if (isExpected && frame.isIntact) {
      if (state.isResyncing) this.#state = { ...state, isResyncing: false };
      return this.#append(frame.bytes);
    }
    const isRepeated = end <= this.#length && frame.isIntact;
    // The one that was asked for is asked for again if it comes corrupt: nothing else would bring it.
    if (isRepeated || state.isResyncing && !isExpected) return { type: "drop" };
    this.#state = { ...state, isResyncing: true };
    return this.#mismatch(frame.offset);
  }

  #append(bytes: Uint8Array): Step {
    if (this.fileSize === undefined || bytes.length <= this.fileSize - this.#length) {
      return { type: "append", bytes };
    }
    return this.refusal(`Chunk ends ${this.#length + bytes.length} bytes into ${this.fileSize}`);
  }

  #complete(request: Extract<SessionRequest, { action: "complete" }>): Step {
    const fileSize = this.fileSize ?? request.fileSize;
    if (fileSize === undefined) return this.refusal("fileSize: it was left open, and is to be announced now");
    const { sha256, mtime: mtimeMs } = request;
    if (this.#length === fileSize) return { type: "publish", sha256, mtimeMs };
    return this.refusal(`Upload is not complete: ${this.#length} of ${fileSize} bytes are there`);
  }

  #mismatch(received: number): Step {
    const { fileId } = this;
    // What was acknowledged before still counts: the client goes back to it.
    this.#tellLength();
    return { type: "reply", message: { event: "offset-mismatch", fileId, expected: this.#length, received } };
  }

  #at(event: "paused" | "pause-ack" | "resume-ack"): ServerMessage {
    this.#tellLength();
    return { event, fileId: this.fileId, offset: this.#length };
  }

  /** A message is on its way that names the length. */
  #tellLength(): void {
    this.#reported = { ...this.#reported, length: this.#length };
    this.#mostTold = Math.max(this.#mostTold, this.#length);
  }
}

function percentOf(length: number, fileSize: number | undefined): number {
  if (fileSize === undefined) return 0;
  return fileSize === 0 ? 100 : Math.round(length / fileSize * 10_000) / 100;
}
