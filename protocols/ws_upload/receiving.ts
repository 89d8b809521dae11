import type { PartFile } from "../../store/part_file.ts";
import type { UploadRecord } from "../../store/upload_store.ts";
import type { ServerMessage } from "./server_messages.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import { REPORT_MS, UploadSession } from "./upload_session.ts";
import type { ConnectionId } from "./session_state.ts";

/** How the server reaches a client. */
export interface Peer {
  /** Sends a message, if the connection is still open. */
  send(message: ServerMessage): void;
  /** Ends the connection. */
  close(code: number, reason: string): void;
  /** Whether the client can still be heard. */
  readonly isOpen: boolean;
  /** When bytes came from it last, if only a part of a message, on the clock of `performance.now`. */
  readonly heardAtMs: number;
}

/** What an upload asks of its surroundings. */
export interface ReceivingHooks {
  readonly peerOf: (connection: ConnectionId) => Peer | undefined;
  readonly onSyncFailed: (upload: Receiving, error: unknown) => void;
  /** Bytes were stored and acknowledged. */
  readonly onProgress: (upload: Receiving) => void;
  readonly metrics?: UploadMetrics | undefined;
}

/** After so many bytes, or so many milliseconds, what was stored is made durable in the background. */
const SYNC_BYTES = 64 * 1024 * 1024;
const SYNC_MS = 1_000;
/** With so many bytes not durable the client has to wait: the disk is slower than it. */
const BEHIND_BYTES = 4 * SYNC_BYTES;

/** One upload that is being received: its session, its part, and what happens to both by and by. */
export class Receiving {
  readonly session: UploadSession;
  readonly part: PartFile;
  /** When its client was last there, in milliseconds since 1970. */
  lastSeenMs: number;
  #record: UploadRecord;
  readonly #hooks: ReceivingHooks;
  #reportTimer: ReturnType<typeof setTimeout> | undefined;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  /** Of the part's durable bytes, those that were counted, and when the last of them were. */
  #counted = { bytes: 0, atMs: -Infinity };

  constructor(
    upload: { readonly record: UploadRecord; readonly part: PartFile; readonly lastSeenMs: number },
    hooks: ReceivingHooks,
  ) {
    const { record, part } = upload;
    this.session = new UploadSession({ ...record, length: part.length });
    this.part = part;
    this.#counted.bytes = part.durable;
    this.lastSeenMs = upload.lastSeenMs;
    this.#record = record;
    this.#hooks = hooks;
  }

  /** What is known of it besides its bytes. */
  get record(): UploadRecord {
    return this.#record;
  }

  /** From now on it belongs to the token of this hash. */
  own(tokenHash: string): void {
    this.#record = { ...this.#record, tokenHash };
  }

  /** Makes the part usable again after a start of the server, or a sync that failed. */
  async recover(): Promise<void> {
    if (!this.part.needsRecovery) return;
    await this.part.recover();
    this.session.rolledBack(this.part.length);
    this.#counted.bytes = this.part.durable;
  }

  /** Stores bytes, and acknowledges when that is due. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.part.append(bytes);
    this.session.appended(bytes.length);
    this.#hooks.metrics?.receivedBytes.increment(bytes.length);
    this.#report();
    const behind = this.part.length - this.part.durable;
    if (behind >= BEHIND_BYTES) await this.#timed(() => this.part.sync());
    else if (behind >= SYNC_BYTES) this.#syncSoon(0);
    else this.#syncSoon(SYNC_MS);
  }

  /** Lets go of the part, which stays; what was stored is durable then. */
  async close(): Promise<void> {
    this.stopTimers();
    try {
      await this.#timed(() => this.part.close());
    } catch (error) {
      this.session.rolledBack(this.part.durable);
      throw error;
    }
  }

  /** To be called before the upload is forgotten. */
  stopTimers(): void {
    clearTimeout(this.#reportTimer);
    clearTimeout(this.#syncTimer);
    this.#reportTimer = this.#syncTimer = undefined;
  }

  #report(): void {
    const { owner } = this.session;
    if (owner === undefined) return;
    const message = this.session.progress(this.part.durable, performance.now());
    if (message !== undefined) {
      this.#hooks.peerOf(owner)?.send(message);
      this.#hooks.onProgress(this);
    }
    // Whatever was just said: what comes after it without company must not stay unsaid.
    if (message !== undefined || this.#reportTimer !== undefined) return;
    this.#reportTimer = setTimeout(() => {
      this.#reportTimer = undefined;
      this.#report();
    }, REPORT_MS);
  }

  #syncSoon(delayMs: number): void {
    if (this.#syncTimer !== undefined && delayMs > 0) return;
    clearTimeout(this.#syncTimer);
    this.#syncTimer = setTimeout(() => void this.#sync(), delayMs);
  }

  async #sync(): Promise<void> {
    const timer = this.#syncTimer;
    try {
      await this.#timed(() => this.part.sync());
      // What came meanwhile found a timer that was set, and set none; nobody else may have ended it.
      const isOwed = this.#syncTimer === timer && this.part.length > this.part.durable;
      if (isOwed) this.#syncTimer = setTimeout(() => void this.#sync(), SYNC_MS);
    } catch (error) {
      this.#hooks.onSyncFailed(this, error);
      return;
    } finally {
      if (this.#syncTimer === timer) this.#syncTimer = undefined;
    }
    if (this.session.mode.kind === "extended") this.#report();
  }

  /** Does what may sync the part, and measures the sync if there was one. */
  async #timed(sync: () => Promise<void>): Promise<void> {
    const startedMs = performance.now();
    await sync();
    // Of syncs that were asked for side by side each tells what it added, from when the one before it ended.
    const { bytes, atMs } = this.#counted;
    const durable = this.part.durable - bytes;
    if (durable <= 0) return;
    const nowMs = performance.now();
    this.#counted = { bytes: this.part.durable, atMs: nowMs };
    this.#hooks.metrics?.fsyncSeconds.observe((nowMs - Math.max(startedMs, atMs)) / 1000);
    this.#hooks.metrics?.durableBytes.increment(durable);
  }
}
