import { relative } from "@std/path";
import { DigestMismatchError } from "../../store/part_file.ts";
import { safeRelativePath } from "../../store/safe_name.ts";
import type { UploadRecord, UploadStore } from "../../store/upload_store.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import { sizeOf, type StartMessage } from "./client_messages.ts";
import { type Peer, Receiving, type ReceivingHooks } from "./receiving.ts";
import { claimOf, hashToken } from "./resume_token.ts";
import type { ServerMessage } from "./server_messages.ts";
import type { UploadEvent } from "./upload_event.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import type { UploadSession } from "./upload_session.ts";
import type { ConnectionId, SessionState } from "./session_state.ts";

/** Options of {@linkcode HeldUploads}. */
export interface HeldUploadsOptions extends AdmissionLimits {
  readonly store: UploadStore;
  /** Replace a file that has an upload's name, instead of numbering the new one. */
  readonly overwrite: boolean;
  readonly onEvent: (event: UploadEvent) => void;
  readonly metrics?: UploadMetrics | undefined;
}

/** An upload that is not complete, for whoever may see it. */
export interface ListedUpload {
  /** The key to it: not to be shown. */
  readonly fileId: string;
  readonly name: string;
  readonly fileSize: number | undefined;
  /** Bytes stored. */
  readonly offset: number;
  readonly state: SessionState["kind"];
}

/**
 * The uploads of a directory that are not complete: what becomes of each on disk, what room they take, and who
 * is told. Its calls for one upload must not overlap.
 */
export class HeldUploads {
  /** What there is room for. */
  readonly admission: Admission;
  readonly #uploads = new Map<string, Receiving>();
  readonly #options: HeldUploadsOptions;
  readonly #hooks: ReceivingHooks;

  private constructor(options: HeldUploadsOptions, peerOf: ReceivingHooks["peerOf"]) {
    this.#options = options;
    this.admission = new Admission(options, {
      uploads: () => this.#sessions(),
      onRefused: (reason) => options.metrics?.rejected(reason).increment(),
    });
    this.#hooks = {
      peerOf,
      onSyncFailed: (upload, error) => this.#reportFailure(upload.record, error),
      onProgress: (upload) => this.#tell("progress", upload),
      metrics: options.metrics,
    };
  }

  /** Takes up the uploads that an earlier process left in the directory. */
  static async open(options: HeldUploadsOptions, peerOf: ReceivingHooks["peerOf"]): Promise<HeldUploads> {
    const { store, onEvent } = options;
    const held = new HeldUploads(options, peerOf);
    held.admission.usedBytes = await store.usedBytes();
    const onUnusable = (path: string, reason: string) => onEvent({ type: "unusable", path, reason });
    for (const { part, mtimeMs, ...record } of await store.load({ nowMs: Date.now(), onUnusable })) {
      const twin = held.#uploads.get(record.fileId);
      if (twin !== undefined) onUnusable(part.path, `"${twin.part.path}" is of the same upload`);
      else {held.#uploads.set(
          record.fileId,
          new Receiving({ record, part, lastSeenMs: mtimeMs }, held.#hooks),
        );}
    }
    return held;
  }

  get(fileId: string): Receiving | undefined {
    return this.#uploads.get(fileId);
  }

  /** All of them, as they are now. */
  all(): readonly Receiving[] {
    return [...this.#uploads.values()];
  }

  /** As {@linkcode HeldUploads.all}, for whoever may see it. */
  *list(): Generator<ListedUpload> {
    for (const [fileId, { session, record }] of this.#uploads) {
      const { fileSize, length: offset, state } = session;
      yield { fileId, name: record.name, fileSize, offset, state: state.kind };
    }
  }

  /** Begins an upload; `undefined`: nothing of its name can be used. */
  async create(message: StartMessage, token: string | undefined): Promise<Receiving | undefined> {
    const name = safeRelativePath(message.fileName);
    if (name === undefined) return undefined;
    const { fileId } = message;
    const tokenHash = token === undefined ? undefined : hashToken(token);
    const record: UploadRecord = { fileId, name, fileSize: sizeOf(message), tokenHash };
    const part = await this.#options.store.create(record);
    const upload = new Receiving({ record, part, lastSeenMs: Date.now() }, this.#hooks);
    this.#uploads.set(fileId, upload);
    return upload;
  }

  /** An upload that can be continued: not one whose part a person removed, nor one of another size. */
  async usable(found: Receiving | undefined, message: StartMessage): Promise<Receiving | undefined> {
    if (found === undefined || found.session.owner !== undefined) return found;
    if (!await this.#options.store.hasPart(found.part)) {
      await this.discard(found);
      return undefined;
    }
    // Its owner says that the file has changed. A plain client is told, as nothing shows that it owns it.
    const isChanged = found.session.fileSize !== sizeOf(message);
    if (!isChanged || claimOf(message.ext?.resumeToken, found.record.tokenHash) !== "owner") return found;
    await this.discard(found);
    return undefined;
  }

  /** Makes a part usable again, and counts what it lost. */
  async recover(upload: Receiving): Promise<void> {
    const before = upload.part.length;
    await upload.recover();
    this.admission.usedBytes += upload.part.length - before;
  }

  /** Stores bytes of its owner's. */
  async append(upload: Receiving, bytes: Uint8Array): Promise<void> {
    await upload.append(bytes);
    this.admission.usedBytes += bytes.length;
  }

  /** Closes its part, which stays until its client comes back. */
  async close(upload: Receiving): Promise<void> {
    upload.lastSeenMs = Date.now();
    await upload.close();
  }

  /** Gives the part its final name, and answers. */
  async publish(
    upload: Receiving,
    announced: { readonly sha256: string | undefined; readonly mtimeMs: number | undefined },
    peer: Peer | undefined,
  ): Promise<void> {
    const { record, part } = upload;
    const { overwrite, store, onEvent } = this.#options;
    const startedMs = performance.now();
    await upload.close();
    const { path, fileSize, replacedBytes } = await store.publish({ ...record, part }, {
      ...announced,
      overwrite,
      nowMs: Date.now(),
    });
    this.admission.usedBytes -= replacedBytes;
    this.#uploads.delete(record.fileId);
    await part.forget();
    this.#options.metrics?.publishSeconds.observe((performance.now() - startedMs) / 1000);
    const name = relative(store.root, path);
    onEvent({ type: "completed", fileId: record.fileId, name, path, bytes: fileSize });
    peer?.send({ event: "complete-ack", fileId: record.fileId, filePath: path });
  }

  /** Deletes its part. */
  async discard(upload: Receiving): Promise<void> {
    this.#uploads.delete(upload.record.fileId);
    upload.stopTimers();
    this.admission.usedBytes -= upload.part.length;
    await upload.part.discard();
  }

  /** Its owner is gone: what was stored is made durable, and anybody entitled may go on. */
  async release(upload: Receiving, connection: ConnectionId): Promise<void> {
    if (!upload.session.disconnected(connection)) return;
    upload.lastSeenMs = Date.now();
    this.#tell("interrupted", upload);
    try {
      await upload.close();
    } catch (error) {
      this.#reportFailure(upload.record, error);
    }
  }

  /** Tells what a message to a client means for who watches. */
  observe(message: ServerMessage, upload: Receiving): void {
    if (message.event === "offset-mismatch") this.#options.metrics?.offsetMismatches.increment();
    const type = OBSERVED.get(message.event);
    if (type !== undefined) this.#tell(type, upload);
  }

  /** What was asked of an upload has failed: it goes on with what its part still holds. */
  failed(fileId: string, error: unknown): void {
    const upload = this.#uploads.get(fileId);
    upload?.session.rolledBack(upload.part.length);
    if (error instanceof DigestMismatchError) this.#options.metrics?.digestMismatches.increment();
    this.#reportFailure(upload?.record ?? { fileId, name: fileId }, error);
  }

  *#sessions(): Generator<UploadSession> {
    for (const { session } of this.#uploads.values()) yield session;
  }

  #tell(type: "progress" | "paused" | "unpaused" | "interrupted", { record, session }: Receiving): void {
    const { fileId, name } = record;
    this.#options.onEvent({ type, fileId, name, offset: session.length, fileSize: session.fileSize });
  }

  #reportFailure({ fileId, name }: { readonly fileId: string; readonly name: string }, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.onEvent({ type: "failed", fileId, name, reason });
  }
}

/** What has happened to an upload that is still there after an answer. */
const OBSERVED = new Map<ServerMessage["event"], "paused" | "unpaused" | "interrupted">([
  ["pause-ack", "paused"],
  ["resume-ack", "unpaused"],
  ["stop-ack", "interrupted"],
]);
