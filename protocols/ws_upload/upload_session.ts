/**
 * The receiving side of one upload, as a core without I/O. It is asked what to do about a message,
 * does no more than decide, and is told how it went.
 */

import { IN_USE, type ServerMessage } from "./server_messages.ts";

/** Stands for one connection of a client. */
export type ConnectionId = number;

/** What a client can ask of an upload that exists; `chunk` with its data decoded. */
export type SessionRequest =
  | { readonly action: "start"; readonly fileSize: number }
  | { readonly action: "chunk"; readonly offset: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly action: "pause" | "resume" | "complete" }
  | { readonly action: "stop"; readonly delete: boolean };

/** What is to be done about a request. */
export type Step =
  | { readonly type: "reply"; readonly message: ServerMessage }
  /** Store the bytes, then call {@linkcode UploadSession.appended} and send what it returns. */
  | { readonly type: "append"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Give the part its final name, then forget the session. */
  | { readonly type: "publish" }
  /** Delete the part, then forget the session. */
  | { readonly type: "discard"; readonly message: ServerMessage }
  /** Close the part, which stays, and answer. */
  | { readonly type: "release"; readonly message: ServerMessage };

/** Where an upload stands between two messages. */
export type SessionState =
  /** `owner` is sending. */
  | { readonly kind: "active"; readonly owner: ConnectionId; readonly heardAtMs: number }
  /** `owner` holds it back. */
  | { readonly kind: "paused"; readonly owner: ConnectionId; readonly heardAtMs: number }
  /** Its connection is gone; whoever comes next owns it. */
  | { readonly kind: "orphaned" };

/**
 * For how long a connection that is open but silent keeps an upload to itself, in milliseconds. After
 * a network change the old connection may look alive for minutes, and its client is already back.
 */
export const TAKE_OVER_MS = 10_000;

/** The state and rules of one upload on the server. Times are on the clock the caller passes in. */
export class UploadSession {
  readonly fileId: string;
  /** Bytes announced. */
  readonly fileSize: number;
  #length: number;
  #state: SessionState = { kind: "orphaned" };

  constructor(
    upload: { readonly fileId: string; readonly fileSize: number; readonly length: number },
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

  /** Bytes stored. */
  get length(): number {
    return this.#length;
  }

  /** Decides what to do about a request from a connection. */
  request(request: SessionRequest, from: ConnectionId, nowMs: number): Step {
    if (!this.#mayUse(request.action, from, nowMs)) return this.refusal(IN_USE);
    if (this.#state.kind !== "orphaned") this.#state = { ...this.#state, owner: from, heardAtMs: nowMs };
    switch (request.action) {
      case "start":
        return this.#start(request.fileSize, from, nowMs);
      case "chunk":
        return this.#chunk(request);
      case "pause":
        this.#state = { kind: "paused", owner: from, heardAtMs: nowMs };
        return { type: "release", message: this.#at("pause-ack") };
      case "resume":
        this.#state = { kind: "active", owner: from, heardAtMs: nowMs };
        return { type: "reply", message: this.#at("resume-ack") };
      case "stop":
        this.#state = { kind: "orphaned" };
        return {
          type: request.delete ? "discard" : "release",
          message: { event: "stop-ack", fileId: this.fileId },
        };
      case "complete":
        if (this.#length === this.fileSize) return { type: "publish" };
        return this.refusal(`Upload is not complete: ${this.#length} of ${this.fileSize} bytes are there`);
    }
  }

  /** The bytes of an `append` are stored. */
  appended(length: number): ServerMessage {
    this.#length += length;
    const share = this.fileSize === 0 ? 1 : this.#length / this.fileSize;
    return {
      event: "progress",
      fileId: this.fileId,
      offset: this.#length,
      receivedBytes: length,
      percent: Math.round(share * 10_000) / 100,
    };
  }

  /** Storing failed, and the part has `length` bytes now: fewer than it had, if synced ones were lost. */
  rolledBack(length: number): void {
    this.#length = length;
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

  #mayUse(action: SessionRequest["action"], from: ConnectionId, nowMs: number): boolean {
    if (this.#state.kind === "orphaned" || this.#state.owner === from) return true;
    return action === "start" && nowMs - this.#state.heardAtMs >= TAKE_OVER_MS;
  }

  #start(fileSize: number, from: ConnectionId, nowMs: number): Step {
    if (fileSize !== this.fileSize) {
      return this.refusal(
        `Upload was started with fileSize ${this.fileSize}, not ${fileSize}: stop it, or use another fileId`,
      );
    }
    this.#state = { kind: "active", owner: from, heardAtMs: nowMs };
    return {
      type: "reply",
      message: { event: "start-ack", fileId: this.fileId, offset: this.#length, status: "active" },
    };
  }

  #chunk(chunk: { readonly offset: number; readonly bytes: Uint8Array<ArrayBuffer> }): Step {
    if (this.#state.kind !== "active") return { type: "reply", message: this.#at("paused") };
    if (chunk.offset !== this.#length) {
      const { fileId } = this;
      return {
        type: "reply",
        message: { event: "offset-mismatch", fileId, expected: this.#length, received: chunk.offset },
      };
    }
    if (chunk.bytes.length > this.fileSize - this.#length) {
      return this.refusal(`Chunk ends ${this.#length + chunk.bytes.length} bytes into ${this.fileSize}`);
    }
    return { type: "append", bytes: chunk.bytes };
  }

  #at(event: "paused" | "pause-ack" | "resume-ack"): ServerMessage {
    return { event, fileId: this.fileId, offset: this.#length };
  }
}
